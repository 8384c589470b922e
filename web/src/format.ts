// Numbers and times for people.
import { say } from "./words";
import { store } from "./store";

const NS_PER_MS = 1e6;

export const toDate = (ns: number): Date => new Date(ns / NS_PER_MS);

function number(value: number, digits: number): string {
  return value.toLocaleString(locale(), { maximumFractionDigits: digits });
}

export const locale = (): string => (store.state.language === "zh" ? "zh-TW" : "en-GB");

function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let i = 0;
  let v = value;
  while (Math.abs(v) >= 1024 && i < units.length - 1) {
    v /= 1024;
    i++;
  }
  return `${number(v, i && Math.abs(v) < 100 ? 1 : 0)} ${units[i]}`;
}

export function duration(seconds: number): string {
  const zh = store.state.language === "zh";
  const s = Math.abs(seconds);
  const sign = seconds < 0 ? "−" : "";
  const put = (v: number, en: string, tw: string): string => `${sign}${number(v, v < 10 ? 1 : 0)} ${zh ? tw : en}`;
  if (s === 0) return put(0, "s", "秒");
  if (s < 1e-3) return put(s * 1e6, "µs", "微秒");
  if (s < 1) return put(s * 1e3, "ms", "毫秒");
  if (s < 120) return put(s, "s", "秒");
  if (s < 7200) return put(s / 60, "min", "分鐘");
  if (s < 172800) return put(s / 3600, "h", "小時");
  return put(s / 86400, "d", "天");
}

/** A value in its unit: 0.853 ratio -> "85.3 %". */
export function quantity(value: number | null, unit: string): string {
  if (value === null || !Number.isFinite(value)) return "—";
  switch (unit) {
    case "bytes": return bytes(value);
    case "seconds": return duration(value);
    case "ratio": return `${number(value * 100, 1)} %`;
    case "boolean": return say(value ? "yes" : "no");
    case "celsius": return `${number(value, 1)} °C`;
    case "per_second": return `${number(value, 2)}/s`;
    default: return number(value, Math.abs(value) < 100 ? 2 : 0);
  }
}

export function ago(ns: number, nowMs: number): string {
  if (!ns) return say("never");
  const s = (nowMs - ns / NS_PER_MS) / 1000;
  if (Math.abs(s) < 5) return say("just_now");
  const whole = Math.abs(s) < 60 ? Math.floor(Math.abs(s) / 5) * 5 : Math.abs(s);
  return say(s > 0 ? "ago" : "in_time", { time: duration(Math.floor(whole)) });
}

export function moment(ns: number): string {
  const date = toDate(ns);
  const today = new Date();
  const sameDay = date.toDateString() === today.toDateString();
  return date.toLocaleString(locale(), sameDay
    ? { hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false }
    : { year: date.getFullYear() === today.getFullYear() ? undefined : "numeric", month: "short", day: "numeric", hour: "2-digit",
      minute: "2-digit", hour12: false });
}

export const exact = (ns: number): string => toDate(ns).toLocaleString(locale(), { dateStyle: "full", timeStyle: "long" });
