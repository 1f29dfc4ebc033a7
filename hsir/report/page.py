"""The sheets of a run as one HTML page that needs no other file."""

from collections.abc import Sequence

from jinja2 import Environment, StrictUndefined

from hsir.report.sheets import Sheet

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; }
h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; padding-left: .3rem; }
thead th { border-top: 2px solid #222; border-bottom: 1px solid #222; font-weight: 600; }
tbody tr:nth-child(even) { background: #f4f4f4; }
tbody tr:last-child td { border-bottom: 2px solid #222; }
.interval { color: #666; font-size: .87em; }
.noise, .noise .interval { color: #888; font-style: italic; }
p { color: #555; font-size: .9rem; margin-top: .4rem; }
</style>
</head>
<body>
<h1>{{ title }}</h1>
{% for sheet in sheets %}
<h2>{{ sheet.title }}</h2>
<div class="scroll"><table>
<thead><tr>{% for column in sheet.columns %}<th scope="col">{{ column }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in sheet.rows %}
<tr>{% for entry in row %}<td{% if entry.noise %} class="noise"{% endif %}>{{ "~" if entry.noise }}{{ entry.value }}\
{% if entry.interval %} <span class="interval">{{ entry.interval }}</span>{% endif %}</td>{% endfor %}</tr>
{% endfor %}
</tbody>
</table></div>
<p>{{ sheet.note }}</p>
{% endfor %}
</body>
</html>
"""


def page(title: str, sheets: Sequence[Sheet]) -> str:
    """Write the page; every text is escaped."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    return environment.from_string(_PAGE).render(title=title, sheets=sheets)
