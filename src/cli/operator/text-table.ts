/** A column of a table for a terminal. */
export interface Column<Row> {
  readonly title: string;
  /** The first to go where the terminal is narrow have the highest number. 0: stays. */
  readonly rank: number;
  text(row: Row): string;
}

const GAP = 2;
const CELL_CHARS_MIN = 8;

/** Lines of a table that is at most `widthMax` wide: columns are left out, then cells are cut. */
export function tableLines<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  widthMax = Infinity,
): string[] {
  let shown = columns
    .map((column) => {
      const cells = [column.title, ...rows.map((row) => printable(column.text(row)))];
      return { ...column, cells, width: Math.max(...cells.map((cell) => cell.length)) };
    })
    // A column without a word says nothing.
    .filter(({ cells, rank }) => rank === 0 || cells.slice(1).some((cell) => cell !== ''));
  const width = (): number => shown.reduce((sum, column) => sum + column.width + GAP, -GAP);
  while (width() > widthMax) {
    const last = shown.reduce((least, column) => (column.rank > least.rank ? column : least));
    if (last.rank === 0) break;
    shown = shown.filter((column) => column !== last);
  }
  while (width() > widthMax) {
    const widest = shown.reduce((most, column) => (column.width > most.width ? column : most));
    if (widest.width <= CELL_CHARS_MIN) break;
    widest.width--;
  }
  return Array.from({ length: rows.length + 1 }, (_, line) =>
    shown
      .map(({ cells, width: room }) => cut(cells[line]!, room).padEnd(room))
      .join(' '.repeat(GAP))
      .trimEnd(),
  );
}

function cut(text: string, chars: number): string {
  return text.length <= chars ? text : `${text.slice(0, chars - 1)}…`;
}

/** What comes from elsewhere must not steer the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, '?');
}
