// A click on a column's head sorts by it: numbers as numbers, what is no number last.
const text = (row, column) => row.cells[column].textContent.trim();
const number = value => parseFloat(value.replace(/^[~<± ]+/, "").replaceAll(",", ""));
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const sign = head.ariaSort === "descending" ? 1 : -1;
      for (const other of heads) other.ariaSort = null;
      head.ariaSort = sign > 0 ? "ascending" : "descending";
      const body = table.tBodies[0];
      const rows = [...body.rows].sort((one, other) => {
        const [a, b] = [text(one, column), text(other, column)], [m, n] = [number(a), number(b)];
        if (isNaN(m) || isNaN(n)) return isNaN(m) - isNaN(n) || sign * a.localeCompare(b);
        return sign * (m - n);
      });
      body.append(...rows);
    });
  });
}
