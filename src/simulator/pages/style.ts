/** The stylesheet of all pages: light and dark, phone and desktop. */

const HUES = Array.from({ length: 12 }, (_, hue) => `.hue-${hue} { --hue: ${hue * 30} }`).join('\n')

/** The stylesheet. */
export const STYLE: string = `
:root {
  color-scheme: light dark;
  --ink: light-dark(#1d2321, #e8ece9); --soft: light-dark(#56605b, #a3ada8);
  --paper: light-dark(#f3f5f1, #121514); --card: light-dark(#fff, #1b201e);
  --line: light-dark(#d5dbd6, #353d39); --accent: light-dark(#0b6b57, #5fd3b4);
  --on-accent: light-dark(#fff, #06231b);
  font: 1rem/1.5 system-ui, sans-serif;
}
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; background: var(--paper); color: var(--ink); display: flex; flex-direction: column }
main { width: min(100% - 2rem, 30rem); margin: auto; padding: 1.75rem 0 }
main.wide { width: min(100% - 2rem, 52rem) }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .9rem; padding: clamp(1.25rem, 5vw, 2rem) }
h1 { font-size: 1.45rem; line-height: 1.25; margin: 0 0 .5rem; text-wrap: balance }
h2 { font-size: 1.05rem; margin: 1.75rem 0 .5rem }
p { margin: .5rem 0 }
p.soft, small, .soft { color: var(--soft) }
a { color: var(--accent) }
code { font-size: .9em; overflow-wrap: anywhere }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: .5rem 0; padding: .75rem 1rem; border: 1px solid var(--line); border-radius: .5rem; font-size: .85rem; line-height: 1.45 }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px }
fieldset { border: 0; padding: 0; margin: 1.25rem 0; min-width: 0 }
legend { padding: 0; margin-bottom: .25rem }
ul.rows, ol.rows { list-style: none; margin: 1rem 0; padding: 0 }
ul.rows > li, ol.rows > li, label.row { display: flex; gap: .8rem; padding: .7rem 0; border-top: 1px solid var(--line) }
ul.rows > li:last-child, ol.rows > li:last-child, fieldset > label.row:last-of-type { border-bottom: 1px solid var(--line) }
label.row { cursor: pointer; align-items: flex-start }
.row small, li small, .account small { display: block; overflow-wrap: anywhere }
input[type=checkbox] { width: 1.2rem; height: 1.2rem; margin: .15rem 0 0; flex: none; accent-color: var(--accent) }
select { font: inherit; padding: .35rem .5rem; border: 1px solid var(--line); border-radius: .4rem; background: var(--card); color: inherit }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; justify-content: flex-end; margin-top: 1.5rem }
button { font: inherit; font-weight: 600; min-height: 2.75rem; padding: .5rem 1.25rem; border-radius: .5rem; border: 1px solid var(--line); background: var(--card); color: var(--accent); cursor: pointer }
button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent) }
button[aria-pressed=true] { background: var(--accent); border-color: var(--accent); color: var(--on-accent) }
.buttons { display: flex; flex-wrap: wrap; gap: .5rem; margin: .5rem 0 1rem }
.buttons button { padding: .3rem .9rem; text-align: left }
h3 { font-size: .95rem; margin: 1rem 0 .25rem }
button:hover { filter: brightness(1.08) }
button.account { display: flex; gap: .9rem; align-items: center; width: 100%; padding: .7rem .5rem; text-align: left; color: inherit; font-weight: 400; border: 0; border-top: 1px solid var(--line); border-radius: 0 }
button.account:hover { background: var(--paper); filter: none }
.face { display: grid; place-items: center; flex: none; width: 2.4rem; height: 2.4rem; border-radius: 50%; font-weight: 600; color: #fff; background: hsl(var(--hue) 45% 38%) }
.who { display: inline-flex; gap: .5rem; align-items: center; padding: .2rem .8rem .2rem .2rem; border: 1px solid var(--line); border-radius: 2rem; font-size: .9rem; max-width: 100% }
.who .face { width: 1.7rem; height: 1.7rem; font-size: .8rem }
.who span:last-child { overflow: hidden; text-overflow: ellipsis }
.grow { flex: 1; min-width: 0 }
.photos { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .75rem; margin: 1rem 0 }
.photo { position: relative; display: block; border-radius: .6rem; overflow: hidden; border: 1px solid var(--line); background: var(--card); cursor: pointer }
.photo img { display: block; width: 100%; height: auto; aspect-ratio: 4 / 3; object-fit: cover }
.photo span { display: block; padding: .35rem .6rem .45rem; font-size: .85rem; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.photo em { position: absolute; top: .45rem; right: .5rem; padding: 0 .5rem; border-radius: .3rem; font: 600 .75rem/1.5 system-ui, sans-serif; background: #000a; color: #fff }
.photo input { position: absolute; top: .45rem; left: .6rem }
.photo:has(:checked) { border-color: var(--accent); box-shadow: 0 0 0 2px var(--accent) }
.photo:has(:focus-visible) { outline: 3px solid var(--accent); outline-offset: 2px }
.hidden { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden }
.problem { padding: .6rem .9rem; border-left: .25rem solid light-dark(#b3261e, #f2b8b5); background: var(--card) }
.user { display: flex; gap: .8rem; align-items: center }
.user small { display: block; font-weight: 400 }
.bar { position: sticky; bottom: 0; padding: .75rem 0; background: var(--paper); margin-top: 0 }
${HUES}
footer { padding: 1rem; text-align: center; font-size: .85rem; color: var(--soft) }
`
