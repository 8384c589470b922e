import { useEffect, useState } from "preact/hooks";
import { get } from "../api";
import { moment } from "../format";
import { Ago, Clauses, Empty, Failure, IncidentMark, isHot, Loading, severityOrder, StateMark } from "../parts";
import { useStore } from "../store";
import type { Incident } from "../types";
import { aboutOf, say, titled, useWords } from "../words";

const urgency = { open: 0, acknowledged: 1, recovered: 2, closed: 3 } as const;

function byUrgency(a: Incident, b: Incident): number {
  return urgency[a.state] - urgency[b.state] || severityOrder[a.severity] - severityOrder[b.severity] || b.opened_at - a.opened_at;
}

function Row({ i }: { i: Incident }) {
  return (
    <li>
      <a class={`card incident ${i.state === "open" ? i.severity : i.state}`} href={`#/incident/${i.id}`}>
        {isHot(i) && <StateMark state={i.severity} />}<IncidentMark state={i.state} />
        <span class="incident-title"><b>{aboutOf(i)}</b><bdi class="strong">{i.host_name}</bdi>{aboutOf(i) !== titled(i) && <span class="muted">{titled(i)}</span>}</span>
        <Clauses of={i.clauses} />
        <span class="space" />
        {i.state === "acknowledged" && i.acknowledged_by && (
          <span class="muted">{i.acknowledged_until_at
            ? say("held_by", { who: i.acknowledged_by, time: moment(i.acknowledged_until_at) })
            : say("held_by_open", { who: i.acknowledged_by })}</span>
        )}
        <span class="muted"><Ago at={i.opened_at} word="opened" /></span>
      </a>
    </li>
  );
}

export function Incidents() {
  useWords();
  const open = useStore((s) => s.incidents);
  const [closed, setClosed] = useState(false);
  const [all, setAll] = useState<Incident[] | null>(null);
  const [error, setError] = useState<unknown>(null);

  useEffect(() => {
    if (!closed) return;
    get<{ incidents: Incident[] }>("incidents", { open: false, limit: 200 }).then((r) => setAll(r.incidents), setError);
  }, [closed, open]);
  if (!open) return <Loading />;
  const known = new Map((closed ? all ?? [] : []).map((i) => [i.id, i]));
  for (const i of open.values()) known.set(i.id, i);
  const shown = [...known.values()].sort(byUrgency);
  return (
    <>
      <div class="page-head">
        <h1>{say("incidents")}</h1><span class="space" />
        <label class="switch"><input type="checkbox" checked={closed} onInput={(e) => setClosed(e.currentTarget.checked)} />{say("show_closed")}</label>
      </div>
      {error ? <Failure error={error} /> : null}
      {shown.length === 0 && <Empty title={say(closed ? "no_incidents_at_all" : "no_incidents")} />}
      <ul class="rows">{shown.map((i) => <Row key={i.id} i={i} />)}</ul>
    </>
  );
}
