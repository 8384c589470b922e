import { useEffect, useState } from "preact/hooks";
import { get, post, Refused } from "../api";
import { Card, CodeField } from "../gate";
import { reason } from "../parts";
import { store } from "../store";
import type { Me, Offer } from "../types";
import { say, useWords } from "../words";

const QUIET = 4;       // squares around the picture that stay light: ISO 18004

function Picture({ rows }: { rows: string[] }) {
  const side = rows.length + 2 * QUIET;
  const path = rows.map((row, y) => [...row].map((square, x) => square === "1" ? `M${x + QUIET} ${y + QUIET}h1v1h-1z` : "").join("")).join("");
  return (
    <svg class="qr" viewBox={`0 0 ${side} ${side}`} role="img" aria-label={say("factor_picture")} shape-rendering="crispEdges">
      <rect width={side} height={side} fill="#fff" /><path d={path} fill="#000" />
    </svg>
  );
}

function explain(error: unknown): string {
  return error instanceof Refused && (error.code === "not_allowed" || error.code === "clock") ? say(error.code === "clock" ? "code_clock" : "wrong_code")
    : reason(error);
}

/** Forced: the role needs one, before anything else. Who has one shows its code first. */
export function FactorPage({ forced, done }: { forced: boolean; done: () => void }) {
  useWords();
  const [offer, setOffer] = useState<Offer | null>(null);
  const [code, setCode] = useState("");
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState("");
  const old = !!store.state.me?.factor;

  async function begin(body: object): Promise<void> {
    setOffer(await post<Offer>("factor/new", body));
    setCode("");
  }
  async function confirm(): Promise<void> {
    await post("factor/confirm", { code });
    store.set({ me: await get<Me>("whoami") });
    done();
  }
  async function act(what: () => Promise<void>): Promise<void> {
    setBusy(true);
    setWrong("");
    await what().catch((error: unknown) => setWrong(explain(error)));
    setBusy(false);
  }
  useEffect(() => { if (!old) void act(() => begin({})); }, []);

  const submit = (event: Event): void => {
    event.preventDefault();
    void act(offer ? confirm : () => begin({ code }));
  };
  return (
    <Card title={say("second_factor")} lead={say(offer ? "factor_scan" : old ? "factor_old" : "factor_lead")}>
      {offer && <><Picture rows={offer.qr} /><p class="secret">{say("factor_typed")} <code>{offer.secret.match(/.{4}/g)?.join(" ")}</code></p></>}
      <form onSubmit={submit}>
        <CodeField key={offer ? "new" : "old"} value={code} set={setCode} focus />
        {wrong && <p class="notice bad" role="alert">{wrong}</p>}
        <button class="primary wide" type="submit" disabled={busy || (!offer && !old)}>{say(offer ? "save" : "next")}</button>
        {!forced && <button class="wide" type="button" onClick={done}>{say("cancel")}</button>}
      </form>
    </Card>
  );
}
