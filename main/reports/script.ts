/** The report's only script: a click on a head sorts its table, figures from the largest. Rows without a value go last either way. */
export const SCRIPT = `
for (const button of document.querySelectorAll('th button')) {
  button.addEventListener('click', () => {
    const th = button.closest('th');
    const at = [...th.parentElement.children].indexOf(th);
    const body = th.closest('table').tBodies[0];
    const figure = th.classList.contains('figure');
    const now = th.getAttribute('aria-sort');
    const down = figure ? now !== 'descending' : now === 'ascending';
    const key = (row) => row.cells[at].dataset.key;
    const rows = [...body.rows].sort((a, b) => {
      const x = key(a), y = key(b);
      if (x === '' || y === '') return x === y ? 0 : x === '' ? 1 : -1;
      const order = figure ? Number(x) - Number(y) : x.localeCompare(y, undefined, { numeric: true });
      return down ? -order : order;
    });
    for (const other of th.parentElement.children) other.removeAttribute('aria-sort');
    th.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    body.append(...rows);
  });
}
`;
