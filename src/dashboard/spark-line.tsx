const WIDTH = 96;
const HEIGHT = 22;

interface Props {
  readonly values: readonly (number | null)[];
  /** What a value at the top is: rows beside each other have one measure. */
  readonly top: number;
}

/** A small line without words: the number beside it says what it is. */
export function SparkLine({ values, top }: Props) {
  const step = WIDTH / Math.max(1, SPARK_POINTS - 1);
  const shown = values.slice(-SPARK_POINTS);
  const from = SPARK_POINTS - shown.length;
  let path = '';
  let isDrawing = false;
  for (const [at, value] of shown.entries()) {
    if (value === null) {
      isDrawing = false;
      continue;
    }
    const y = HEIGHT - 1 - Math.min(1, top <= 0 ? 0 : value / top) * (HEIGHT - 3);
    path += `${isDrawing ? 'L' : 'M'}${((from + at) * step).toFixed(1)} ${y.toFixed(1)}`;
    isDrawing = true;
  }
  return (
    <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}

/** Two minutes, at a point each two seconds. */
export const SPARK_POINTS = 60;
