// The card before the door: what every page has on which one is not inside yet.
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { LanguageButton, ThemeButton } from "./frame";
import { say } from "./words";

export function Card({ title, lead, children }: { title: string; lead: string; children: ComponentChildren }) {
  return (
    <div class="gate">
      <div class="gate-tools"><LanguageButton /><ThemeButton /></div>
      <main class="card gate-card" id="content">
        <img src="/icon.svg" alt="" width="48" height="48" />
        <p class="gate-brand">巡堂 <span>Beadle</span></p>
        <h1>{title}</h1>
        <p class="lead">{lead}</p>
        {children}
      </main>
    </div>
  );
}

export function Field(props: { id: string; label: string; type: string; autocomplete: string; value: string; set: (v: string) => void; hint?: string;
  focus?: boolean; digits?: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => { if (props.focus) input.current?.focus(); }, []);
  return (
    <label class="field" for={props.id}>
      <span>{props.label}</span>
      <input ref={input} id={props.id} name={props.id} type={props.type} autocomplete={props.autocomplete} required value={props.value}
        aria-describedby={props.hint ? `${props.id}-hint` : undefined} onInput={(e) => props.set(e.currentTarget.value)}
        inputMode={props.digits ? "numeric" : undefined} maxLength={props.digits ? 6 : undefined} pattern={props.digits ? "[0-9]{6}" : undefined}
        spellcheck={false} autocapitalize="off" />
      {props.hint && <small id={`${props.id}-hint`}>{props.hint}</small>}
    </label>
  );
}

export function CodeField(props: { value: string; set: (v: string) => void; focus?: boolean }) {
  return <Field id="code" label={say("code")} type="text" autocomplete="one-time-code" hint={say("code_hint")} digits {...props} />;
}
