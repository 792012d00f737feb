import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';

export interface ChartLine {
  readonly label: string;
  /** A CSS variable: colours follow dark and light. */
  readonly color: string;
  /** Lines differ in more than colour. */
  readonly dash?: readonly number[];
}

interface Props {
  readonly title: string;
  /** What it shows, for those who don't see it. */
  readonly summary: string;
  readonly lines: readonly ChartLine[];
  /** Seconds since 1970, then the values of each line. */
  readonly data: uPlot.AlignedData;
  readonly say: (value: number) => string;
  /** The span of the time axis, in seconds. */
  readonly seconds: number;
}

const HEIGHT = 150;

/** `14:05` */
function minuteText(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
}

export function TimeChart({ title, summary, lines, data, say, seconds }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);

  useEffect(() => {
    const at = place.current!;
    const color = (name: string) => (): string => getComputedStyle(at).getPropertyValue(name).trim();
    const axis = {
      stroke: color('--quiet'),
      grid: { stroke: color('--rule'), width: 1 },
      ticks: { show: false },
    };
    const font = '12px system-ui, sans-serif';
    const made = new uPlot(
      {
        width: at.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: { y: { range: (_plot, _low, high) => [0, Math.max(high * 1.1, 1)] } },
        axes: [
          { ...axis, font, size: 28, space: 70, values: (_plot, splits) => splits.map(minuteText) },
          { ...axis, font, size: 56, space: 30, values: (_plot, splits) => splits.map(say) },
        ],
        series: [
          {},
          ...lines.map(({ color: name, dash }) => ({
            stroke: color(name),
            width: 2,
            points: { show: false },
            ...(dash && { dash: [...dash] }),
          })),
        ],
      },
      data,
      at,
    );
    plot.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: at.clientWidth, height: HEIGHT }));
    watch.observe(at);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const redraw = (): void => made.redraw();
    dark.addEventListener('change', redraw);
    return () => {
      watch.disconnect();
      dark.removeEventListener('change', redraw);
      made.destroy();
    };
  }, []);

  useEffect(() => {
    const last = data[0].at(-1) ?? 0;
    plot.current?.setData(data, false);
    plot.current?.setScale('x', { min: last - seconds, max: last });
  }, [data]);

  return (
    <figure class="chart">
      <figcaption>
        {title}
        <ul class="legend" aria-hidden="true">
          {lines.map(({ label, color, dash }) => (
            <li key={label}>
              <svg viewBox="0 0 18 8">
                <line
                  x1="0"
                  y1="4"
                  x2="18"
                  y2="4"
                  stroke={`var(${color})`}
                  stroke-dasharray={dash?.join(' ')}
                />
              </svg>
              {label}
            </li>
          ))}
        </ul>
      </figcaption>
      <div ref={place} class="plot" role="img" aria-label={`${title}: ${summary}`} />
    </figure>
  );
}
