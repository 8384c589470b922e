// The last day of one series, with its bounds: drawn here, in the page's own colours.
import { useEffect, useState } from "preact/hooks";
import { get } from "./api";
import { moment, quantity } from "./format";
import { Failure, Loading } from "./parts";
import type { Rule, Series } from "./types";
import { say } from "./words";

type Point = [number, number];
const WIDTH = 720, HEIGHT = 150, LEFT = 64, BOTTOM = 20, TOP = 8;
const DAY_NS = 86400e9;

function range(points: Point[], rule: Rule | undefined, unit: string): [number, number] {
  const values = points.map((p) => p[1]);
  for (const b of [rule?.warning, rule?.critical]) if (b) values.push(b.at);
  if (unit === "ratio" || unit === "boolean") return [0, Math.max(1, ...values)];
  const low = Math.min(...values), high = Math.max(...values);
  const pad = (high - low || Math.abs(high) || 1) * 0.1;
  return [low >= 0 ? Math.max(0, low - pad) : low - pad, high + pad];
}

export function Chart({ series, rule }: { series: Series; rule: Rule | undefined }) {
  const [points, setPoints] = useState<Point[] | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [now] = useState(() => Date.now() * 1e6);

  useEffect(() => {
    get<{ points: Point[] }>("history", { series: series.id, from_at: Math.round(now - DAY_NS), to_at: Math.round(now), limit: 10000 })
      .then((h) => setPoints(h.points), setError);
  }, [series.id]);
  if (error) return <Failure error={error} />;
  if (!points) return <Loading />;
  if (points.length === 0) return <p class="muted">{say("no_history")}</p>;

  const from = Math.min(points[0]?.[0] ?? now, now - 3600e9);
  const [low, high] = range(points, rule, series.unit);
  const x = (at: number): number => LEFT + ((at - from) / (now - from)) * (WIDTH - LEFT - 4);
  const y = (v: number): number => TOP + (1 - (v - low) / (high - low || 1)) * (HEIGHT - TOP - BOTTOM);
  const line = points.map(([at, v], i) => `${i ? "L" : "M"}${x(at).toFixed(1)} ${y(v).toFixed(1)}`).join("");
  return (
    <figure class="chart">
      <figcaption class="muted">{say("last_day")}</figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${say("last_day")}: ${quantity(series.value, series.unit)}`}>
        {[low, (low + high) / 2, high].map((v) => (
          <g key={v}><path class="rule" d={`M${LEFT} ${y(v)}H${WIDTH}`} /><text x={LEFT - 8} y={y(v) + 4} text-anchor="end">{quantity(v, series.unit)}</text></g>
        ))}
        {rule?.warning && <path class="limit warning" d={`M${LEFT} ${y(rule.warning.at)}H${WIDTH}`} />}
        {rule?.critical && <path class="limit critical" d={`M${LEFT} ${y(rule.critical.at)}H${WIDTH}`} />}
        <path class="curve" d={line} />
        {points.length < 40 && points.map(([at, v]) => <circle key={at} class="dot" cx={x(at)} cy={y(v)} r="2.2" />)}
        <text x={LEFT} y={HEIGHT - 4}>{moment(from)}</text><text x={WIDTH} y={HEIGHT - 4} text-anchor="end">{moment(now)}</text>
      </svg>
    </figure>
  );
}
