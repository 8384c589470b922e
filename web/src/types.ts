// The documents of doc/api.md.
export type State = "ok" | "warning" | "critical" | "unknown";

export interface Series {
  id: number; metric: string; unit: string; kind: string; labels: Record<string, string>;
  value: number | null; at: number; state: State; rule: string | null;
}
export interface Fact { name: string; labels: Record<string, string>; value: string }
export interface Check {
  id: number; host: number; host_name: string; name: string; plugin: string; interval_ns: number;
  state: State; why: string | null; at: number; series?: Series[];
  given_up?: { results: number; from_at: number; to_at: number } | null;
  facts?: Fact[]; skips?: { what: string; error: string }[]; more_skips?: number;
}
export interface Host {
  id: number; name: string; uuid: string; state: State; connected: boolean; seen_at: number; clock_offset_ns: number; events_held?: boolean;
  owner: string | null; deputy: string | null; incidents: number; address: string | null;
  revoked: boolean; never_connected: boolean;
  facts?: Record<string, string>; checks?: Check[];
}
export type IncidentState = "open" | "acknowledged" | "recovered" | "closed";
export interface Finding {
  series: number | null; check: string; metric: string; labels: Record<string, string>; unit: string; value: number | null;
  state: State; rule: string; clause: string; title_zh: string; title_en: string; what?: string; since_at: number;
  stated: boolean; bound: number | null; flapping?: boolean;
}
export interface Step {
  at: number; actor: string; what: string; detail: string;
  fields?: Record<string, string>; more?: number; escaped?: boolean;      // of an event
}
export interface Notice {
  at: number; role: string; person: string; name?: string; channel: string; clause: string;
  state: "queued" | "sent" | "retrying" | "given_up"; tries: number;
}
export interface Incident {
  id: number; host: number; host_name: string; kind: string; title_zh: string; title_en: string; state: IncidentState; severity: State;
  opened_at: number; recovered_at: number; acknowledged_by: string | null; acknowledged_until_at: number | null; handled?: boolean;
  closed_at: number; clauses: string[];
  about_zh?: string; about_en?: string;
  findings?: Finding[]; more_findings?: number; steps?: Step[]; more_steps?: number; notices?: Notice[];
}
export interface Bound { at: number; clear: number; strict: boolean; stated: boolean }
export interface Rule {
  id: string; check: string; clause: string; metric: string; unit: string; labels: Record<string, string>; direction: "above" | "below";
  warning: Bound | null; critical: Bound | null; for_ns: number; kind: string; title_zh: string; title_en: string;
}
export interface Role { id: string; title_zh: string; title_en: string }
export interface Procedure { document: string; version: string; title_zh: string; title_en: string; rules: Rule[]; roles?: Role[] }
export interface Status {
  school: string; collector: string; started_at: number; now_at: number;
  hosts: { total: number; connected: number; gone: number };
  states: Record<State, number>;
  incidents: { open: number; unacknowledged: number };
  intake: { results: number; values: number; last_at: number };
  procedure: { document: string; version: string; title_zh?: string; title_en?: string; title?: string };
  disk_full?: boolean;
  clock?: { suspect: boolean };
}
export interface Me { name: string; roles: string[]; must_change: boolean; must_prove: boolean; factor: boolean; language: string; school: string }
export interface Offer { secret: string; uri: string; qr: string[] }
