// What stands around every page: where one is, how things are, who one is.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { post } from "./api";
import { stop } from "./live";
import { store, useStore } from "./store";
import { say, useWords, type Word } from "./words";

type Theme = "light" | "dark";

const systemTheme = (): Theme => (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

export function keptTheme(): void {
  const kept = localStorage.getItem("beadle.theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset["theme"] = kept;
}

export function setLanguage(language: "zh" | "en"): void {
  localStorage.setItem("beadle.language", language);
  document.documentElement.lang = language === "zh" ? "zh-Hant-TW" : "en";
  store.set({ language });
}

export function LanguageButton() {
  useWords();
  const other = store.state.language === "zh" ? "en" : "zh";
  return (
    <button type="button" class="plain" id="language" lang={other === "zh" ? "zh-Hant-TW" : "en"} onClick={() => setLanguage(other)}>
      {say("language_to")}
    </button>
  );
}

export function ThemeButton() {
  useWords();
  const [theme, set] = useState<Theme>((document.documentElement.dataset["theme"] as Theme | undefined) ?? systemTheme());
  const other: Theme = theme === "dark" ? "light" : "dark";
  const change = (): void => {
    localStorage.setItem("beadle.theme", other);
    document.documentElement.dataset["theme"] = other;
    set(other);
  };
  const title = say("theme_to", { name: say(other) });
  return (
    <button type="button" class="plain icon" onClick={change} aria-label={title} title={title}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        {other === "dark"
          ? <path d="M13.5 10A6 6 0 0 1 6 2.5 6 6 0 1 0 13.5 10z" />
          : <><circle cx="8" cy="8" r="3.2" /><path d="M8 .8v2M8 13.2v2M.8 8h2M13.2 8h2M2.9 2.9l1.4 1.4M11.7 11.7l1.4 1.4M2.9 13.1l1.4-1.4M11.7 4.3l1.4-1.4" class="line" /></>}
      </svg>
    </button>
  );
}

function Live() {
  const live = useStore((s) => s.live);
  return (
    <span class={`live ${live ? "on" : "off"}`} role="status">
      <span class="dot" aria-hidden="true" />{say(live ? "live" : "reconnecting")}
    </span>
  );
}

interface Doors { changePassword: () => void; setUpFactor: () => void }

function Account({ changePassword, setUpFactor }: Doors) {
  const me = useStore((s) => s.me);
  const logOut = async (): Promise<void> => {
    stop();
    await post("logout").catch(() => {});
    store.set({ me: null, status: null, hosts: null, incidents: null, procedure: null, live: false });
  };
  return (
    <details class="menu">
      <summary aria-label={say("account")}><bdi>{me?.name}</bdi></summary>
      <div class="menu-body">
        <button type="button" onClick={changePassword}>{say("change_password")}</button>
        <button type="button" onClick={setUpFactor}>{say("second_factor")}</button>
        <button type="button" onClick={() => void logOut()}>{say("log_out")}</button>
      </div>
    </details>
  );
}

function Link({ to, word, here, count }: { to: string; word: Word; here: boolean; count?: number }) {
  return (
    <a href={to} aria-current={here ? "page" : undefined}>
      {say(word)}{count ? <span class="count">{count}</span> : null}
    </a>
  );
}

export function Frame({ here, children, ...doors }: { here: "hosts" | "incidents"; children: ComponentChildren } & Doors) {
  useWords();
  const status = useStore((s) => s.status);
  const open = useStore((s) => [...(s.incidents?.values() ?? [])].length);

  useEffect(() => {
    document.title = `${open ? `(${open}) ` : ""}${say("brand")}${status ? ` · ${status.school}` : ""}`;
  });
  return (
    <>
      <a class="skip" href="#content" onClick={(e) => { e.preventDefault(); document.getElementById("content")?.focus(); }}>{say("skip")}</a>
      <header class="top">
        <a class="brand" href="#/"><img src="/icon.svg" alt="" width="28" height="28" /><span>{say("brand")}</span></a>
        {status && <span class="school"><bdi>{status.school}</bdi></span>}
        <nav><Link to="#/" word="hosts" here={here === "hosts"} /><Link to="#/incidents" word="incidents" here={here === "incidents"} count={open} /></nav>
        <span class="space" />
        <Live /><LanguageButton /><ThemeButton /><Account {...doors} />
      </header>
      {status?.disk_full && <p class="banner" role="alert">{say("separate_disk")}</p>}
      {status?.clock?.suspect && <p class="banner" role="alert">{say("suspect_clock")}</p>}
      <main id="content" tabIndex={-1}>{children}</main>
      {status && (
        <footer>
          {say("by_procedure", {
            name: `${status.procedure.document} ${(store.state.language === "zh" ? status.procedure.title_zh : status.procedure.title_en) ?? ""}`.trim(),
            version: status.procedure.version,
          })}
        </footer>
      )}
    </>
  );
}
