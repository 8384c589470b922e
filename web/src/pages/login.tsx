import { useState } from "preact/hooks";
import { get, post, Refused } from "../api";
import { reason } from "../parts";
import { store } from "../store";
import type { Me } from "../types";
import { say, useWords } from "../words";
import { Card, CodeField, Field } from "../gate";

/** What was just typed is not asked for twice when the password must be changed. */
let typed = "";

export function LogIn() {
  useWords();
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState<string | null>(null);       // null: none was asked for yet
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState("");

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    setBusy(true);
    setWrong("");
    try {
      await post("login", code === null ? { name, password } : { name, password, code });
      typed = password;
      store.set({ me: await get<Me>("whoami") });
    } catch (error) {
      setBusy(false);
      if (!(error instanceof Refused) || error.status !== 401) return setWrong(reason(error));
      if (error.code === "second_factor") return setCode("");
      setWrong(say(error.code === "second_factor_wrong" ? "wrong_code" : "wrong_log_in"));
      setCode(error.code === "second_factor_wrong" ? "" : null);
    }
  }

  return (
    <Card title={say("log_in")} lead={say("log_in_lead")}>
      <form onSubmit={submit}>
        <Field id="name" label={say("user")} type="text" autocomplete="username" value={name} set={setName} focus />
        <Field id="password" label={say("password")} type="password" autocomplete="current-password" value={password} set={setPassword} />
        {code !== null && <CodeField value={code} set={setCode} focus />}
        {wrong && <p class="notice bad" role="alert">{wrong}</p>}
        <button class="primary wide" type="submit" disabled={busy}>{say("log_in")}</button>
      </form>
    </Card>
  );
}

/** Forced: after a one-time password, before anything else. */
export function PasswordPage({ forced, done }: { forced: boolean; done: () => void }) {
  useWords();
  const [old, setOld] = useState(forced ? typed : "");
  const [first, setFirst] = useState("");
  const [second, setSecond] = useState("");
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState("");
  const asked = !forced || !typed;

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    if ([...first].length < 12) return setWrong(say("password_short"));
    if (first !== second) return setWrong(say("password_differ"));
    if (first === old) return setWrong(say("password_same"));
    setBusy(true);
    setWrong("");
    try {
      await post("password", { old, new: first });
      const me = store.state.me;
      typed = "";
      /* The other sessions end, and this one may: then the new password opens a new one. */
      const now = await get<Me>("whoami").catch(async () => {
        await post("login", { name: me?.name ?? "", password: first });
        return get<Me>("whoami");
      });
      store.set({ me: now });
      done();
    } catch (error) {
      typed = "";
      setWrong(error instanceof Refused && error.code === "bad_request" && error.message ? error.message : reason(error));
      setBusy(false);
    }
  }

  const form = (
    <form onSubmit={submit}>
      <input type="text" name="username" autocomplete="username" value={store.state.me?.name ?? ""} hidden readOnly />
      {asked && <Field id="old" label={say("old_password")} type="password" autocomplete="current-password" value={old} set={setOld} focus />}
      <Field id="new" label={say("new_password")} type="password" autocomplete="new-password" value={first} set={setFirst}
        hint={say("password_rule")} focus={!asked} />
      <Field id="repeat" label={say("repeat_password")} type="password" autocomplete="new-password" value={second} set={setSecond} />
      {wrong && <p class="notice bad" role="alert">{wrong}</p>}
      <button class="primary wide" type="submit" disabled={busy}>{say("save")}</button>
      {!forced && <button class="wide" type="button" onClick={done}>{say("cancel")}</button>}
    </form>
  );
  return <Card title={say("change_password")} lead={forced ? say("must_change") : ""}>{form}</Card>;
}
