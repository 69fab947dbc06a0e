/** The styles of the page: for light and dark screens, and from a width of 320 px on. */
export const style = `
:root {
  color-scheme: light dark;
  --ground: #fff; --raised: #f4f5f7; --text: #1b1f24; --quiet: #515a65; --line: #c9ced6; --accent: #0b57b0;
  --on-accent: #fff; --good: #14692f; --bad: #a3181c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b; --raised: #1e2228; --text: #e8eaed; --quiet: #a9b1bb; --line: #3d444d; --accent: #8bbcff;
    --on-accent: #0d1b2c; --good: #7fd897; --bad: #ff9b98;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-bottom: 4rem; }
body {
  margin: 0 auto; max-width: 72rem; padding: 0 1rem 4rem; background: var(--ground); color: var(--text);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere;
}
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.skip { position: absolute; left: -100vw; }
.skip:focus { left: 1rem; top: 1rem; background: var(--ground); padding: .5rem; }
h1, h2, h3, h4, h5 { line-height: 1.25; margin: 1.5rem 0 .5rem; }
h2 { border-bottom: 2px solid var(--line); padding-bottom: .25rem; }
small { color: var(--quiet); font-weight: normal; }
code, pre, textarea { font-family: ui-monospace, monospace; font-size: .9em; }
pre {
  background: var(--raised); border: 1px solid var(--line); padding: .5rem; white-space: pre-wrap; margin: .5rem 0;
}
.text { white-space: pre-line; }
nav ul { list-style: none; padding-left: 1rem; }
nav > ul { padding-left: 0; columns: 16rem auto; }
nav li { break-inside: avoid-column; }
nav a { display: inline-block; padding: .1rem 0; }
dl { margin: .5rem 0; }
dl > div { display: flex; flex-wrap: wrap; gap: 0 .75rem; }
dt { font-weight: 600; min-width: 9rem; }
dd { margin: 0; flex: 1 1 12rem; }
.schemes { margin: 0; padding-left: 1.25rem; }
.operation { border: 1px solid var(--line); border-radius: .4rem; padding: 0 .75rem .75rem; margin: 1rem 0; }
.operation h4 { margin-top: .75rem; font-size: 1.1rem; }
summary { cursor: pointer; padding: .3rem 0; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; }
th, td { text-align: left; vertical-align: top; padding: .25rem .5rem .25rem 0; border-bottom: 1px solid var(--line); }
th[scope=row] { font-weight: normal; }
td[data-head=Description] { white-space: pre-line; }
.limit { display: block; }
button, input, select, textarea {
  font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--quiet); border-radius: .25rem;
  padding: .3rem .6rem; max-width: 100%;
}
button { cursor: pointer; background: var(--raised); }
button[type=submit] { background: var(--accent); border-color: var(--accent); color: var(--on-accent); }
button[aria-pressed=true] { outline: 2px solid var(--accent); }
button:disabled { cursor: default; opacity: .7; }
input[type=text], input[type=password], textarea { width: 100%; }
textarea.json { font-family: ui-monospace, monospace; }
fieldset { border: 1px solid var(--line); border-radius: .25rem; margin: .5rem 0; min-width: 0; }
.try { background: var(--raised); border-radius: .4rem; padding: .5rem .75rem; margin: .75rem 0; }
.try h3, .try h4, .try h5 { margin: 0 0 .25rem; font-size: 1rem; }
.field { margin: .4rem 0; display: grid; grid-template-columns: minmax(0, 1fr); gap: .1rem; justify-items: start; }
.field:has(> input[type=checkbox]) { display: flex; flex-direction: row-reverse; justify-content: start; gap: .5rem; }
.row { border-left: 3px solid var(--line); padding-left: .5rem; margin: .4rem 0; }
.actions { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin: .4rem 0; }
.copy { display: contents; }
.copied { flex: 1 1 100%; }
.issue { margin: .25rem 0; color: var(--good); }
.bad, .issue.bad { color: var(--bad); }
.good { color: var(--good); }
.answer { display: block; }
.traffic {
  position: sticky; bottom: 0; background: var(--ground); border: 1px solid var(--line); border-bottom: 0;
  padding: 0 .75rem; margin-top: 2rem;
}
.traffic[open] { max-height: 45vh; overflow-y: auto; }
.traffic > summary { position: sticky; top: 0; background: var(--ground); font-weight: 600; }
.entries { list-style: none; padding: 0; }
.entries li { border-top: 1px solid var(--line); padding: .25rem 0; }
.entries pre { margin: .25rem 0; }
@media (max-width: 40rem) {
  thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  table, tbody, tr, th[scope=row], td { display: block; border: 0; padding: 0; }
  tr { border-bottom: 1px solid var(--line); padding: .25rem 0; }
  td { padding-left: 1rem; }
  td.empty { display: none; }
}
`
