"""Client for a teacher behind an OpenAI-compatible endpoint: rate-limited, and replies are treated as hostile input.

The key stays in this module: it is passed to the client, and removed from everything that the endpoint returns.
"""

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from hsir import jsontext, traces
from hsir.errors import HsirError, InputError
from hsir.options import Options

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI
    from openai.types.chat import ChatCompletionMessageParam

T = TypeVar("T")
Messages = list["ChatCompletionMessageParam"]

NO_KEY = "none"
"""Sent if there is no key, for example to a local server that needs none; the client requires one."""
SECRET = 12
"""Minimum length of a secret key; shorter ones ("EMPTY") are placeholders, and may occur in answers."""
CONNECT_SECONDS = 30.0

_HEADER = re.compile(r"[!-~]+")


class UnansweredError(HsirError):
    """A request failed after all retries; another one may succeed."""


class Reply(NamedTuple):
    """A teacher's reply: its reasoning, if in a separate field, its content, and its finish reason."""

    reasoning: str
    content: str
    finish: str
    refusal: str

    def completion(self) -> str:
        """Return it as one text, with the reasoning in tags."""
        return f"<think>\n{self.reasoning}\n</think>\n{self.content}" if self.reasoning else self.content

    def steps(self) -> list[str]:
        """Return the steps of the reasoning: from its own field, else from the tags, or the text before the answer."""
        # Teachers discuss the requested format in their reasoning.
        return traces.loose_steps(self.reasoning or traces.reasoning(self.content))


class Endpoint(Options):
    """The address of a teacher, and the request options."""

    url: str
    model: str
    temperature: float
    max_new_tokens: int
    key_from: str
    """The environment variable with the key, for messages."""
    requests_per_minute: float | None
    timeout: float
    """Timeout in seconds without a byte from the endpoint."""
    retries: int


class Pace:
    """A limit of requests per minute, evenly spaced; each waits for its turn."""

    def __init__(
        self, per_minute: float, clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:  # fmt: skip
        self.seconds, self.clock, self.sleep = 60 / per_minute, clock, sleep
        self.turn = clock()

    async def wait(self, *_: object) -> None:
        """Wait until a request may be sent."""
        mine = max(self.turn, self.clock())
        self.turn = mine + self.seconds
        await self.sleep(mine - self.clock())


def check_address(url: str) -> None:
    """Raise InputError for an invalid address, or one that would leak a secret into logs."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        parts, usable = urlsplit(""), False
    if "@" in parts.netloc or parts.query:
        raise InputError("--endpoint: remove user names, passwords and queries; put the key into the environment")
    if not usable:
        raise InputError("--endpoint: not an http(s) address, such as http://localhost:8000/v1")


def take_key(variable: str) -> SecretStr | None:
    """Remove the key from the environment, so that child processes do not inherit it; None if there is none.

    Raises InputError for a key that is invalid in a header, because the client's own error would show it.
    """
    key = os.environ.pop(variable, "").strip()
    if key and not _HEADER.fullmatch(key):
        raise InputError(
            f"the environment variable {variable} is not a valid key: it contains spaces or other invalid characters"
        )
    return SecretStr(key) if key else None


class Teacher:
    """A teacher that receives many parallel requests."""

    def __init__(self, endpoint: Endpoint, key: SecretStr | None) -> None:
        self.endpoint, self.key = endpoint, key

    async def ask(self, messages: Messages) -> Reply:
        """Send one request, with retries.

        Raises UnansweredError if another request may succeed, and InputError if none can: the key is rejected, or there
        is no such model.
        """
        import openai

        asked = self.endpoint
        try:
            raw = await self._client.chat.completions.with_raw_response.create(
                model=asked.model, messages=messages, temperature=asked.temperature, max_tokens=asked.max_new_tokens
            )  # fmt: skip
        except openai.APIStatusError as error:
            raise self._refused(error) from None
        except openai.APITimeoutError:
            raise UnansweredError(f"no answer within {asked.timeout:g} s (--timeout)") from None
        except openai.OpenAIError as error:
            raise UnansweredError(f"{self._clean(str(error))} ({type(error.__cause__ or error).__name__})") from None
        return self._read(raw.content)

    def ask_all(self, jobs: Iterable[Coroutine[Any, Any, T]], parallel: int) -> Iterator[T]:
        """Run requests, `parallel` at a time, and yield each result as it arrives; the first error stops all."""
        todo, running = iter(jobs), set[asyncio.Task[T]]()
        with asyncio.Runner() as runner:
            try:
                while True:
                    loop = runner.get_loop()
                    running |= {loop.create_task(job) for job in islice(todo, parallel - len(running))}
                    if not running:
                        return
                    done, running = runner.run(asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED))
                    errors = [error for task in done if (error := task.exception())]
                    if errors:
                        raise errors[0]
                    yield from (task.result() for task in done)
            finally:
                runner.run(self._end(running))

    @cached_property
    def _client(self) -> "AsyncOpenAI":
        import openai

        asked = self.endpoint
        # Retries count as requests. A redirect would send the questions to an address that nobody configured.
        hooks = [Pace(asked.requests_per_minute).wait] if asked.requests_per_minute else []
        http = openai.DefaultAsyncHttpxClient(follow_redirects=False, event_hooks={"request": hooks})
        timeout = openai.Timeout(asked.timeout, connect=min(CONNECT_SECONDS, asked.timeout))
        key = self.key.get_secret_value() if self.key else NO_KEY
        return openai.AsyncOpenAI(
            api_key=key, base_url=asked.url, timeout=timeout, max_retries=asked.retries, http_client=http
        )

    async def _end(self, running: set[asyncio.Task[T]]) -> None:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._client.close()

    def _refused(self, error: "APIStatusError") -> HsirError:
        status, asked = error.status_code, self.endpoint
        if status in (401, 403):
            return InputError(
                f"{asked.url}: the API key is rejected ({status}); set the environment variable {asked.key_from}"
                " (--key-from) to a valid key"
            )
        told = self._clean(error.message).removeprefix(f"Error code: {status} - ")
        told = f"{status} {' '.join(told.split())[:300]}"
        if status in (402, 404) or status < 400:
            return InputError(
                f"{asked.url}: {told}; check the account, --model {asked.model}, and --endpoint (the address usually"
                " ends in /v1, and redirects are not followed)"
            )
        return UnansweredError(told)

    def _read(self, body: bytes) -> Reply:
        try:
            choice = jsontext.parse(body)["choices"][0]
            message = choice["message"]
            reasoning = message.get("reasoning_content") or message.get("reasoning")
            parts = (reasoning, message.get("content"), choice.get("finish_reason"), message.get("refusal"))
            if not all(part is None or isinstance(part, str) for part in parts):
                raise TypeError
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            told = self._clean(body.decode(errors="replace"))[:100]
            raise UnansweredError(f"a reply without an answer: {told!r}") from None
        return Reply(*(self._clean(part or "") for part in parts))

    def _clean(self, text: str) -> str:
        """Remove characters that no file can store, and the key, in case the endpoint echoes it."""
        key = self.key.get_secret_value() if self.key else ""
        text = jsontext.storable(text)
        return text.replace(key, "***") if len(key) >= SECRET else text
