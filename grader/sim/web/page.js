// Steps: by keys, buttons, the slider, a click on a row, and the address.

let current = -1;

function show(at) {
  if (last < 0) return;
  at = Math.min(Math.max(at, 0), last);
  if (at === current) return;
  current = at;
  mark(marks, at);
  $("what").replaceChildren(...what(run.steps[at], at));
  $("more").replaceChildren(...panel(at));
  address(at);
}

function address(at) {
  const words = `${at + 1} of ${run.steps.length}`;
  $("where").textContent = words;
  $("where").href = `#step=${at + 1}`;
  $("slider").value = at + 1;
  $("slider").setAttribute("aria-valuetext", `${words}: ${run.steps[at].what}`);
  $("first").disabled = $("back").disabled = at === 0;
  $("last").disabled = $("next").disabled = at === last;
  history.replaceState(null, "", `#step=${at + 1}`);
}

// The step that the address names; the last one, if it names none.
function named() {
  const found = /^#step=(\d+)$/.exec(location.hash);
  return found ? Number(found[1]) - 1 : last;
}

const KEYS = {
  ArrowLeft: -1, ArrowUp: -1, k: -1, ArrowRight: 1, ArrowDown: 1, j: 1,
  Home: -Infinity, End: Infinity,
};
document.addEventListener("keydown", (event) => {
  const move = KEYS[event.key];
  if (move === undefined || event.ctrlKey || event.altKey || event.metaKey) return;
  event.preventDefault();
  show(current + move);
});
for (const [id, move] of [["first", -Infinity], ["back", -1], ["next", 1], ["last", Infinity]])
  $(id).addEventListener("click", () => show(current + move));
$("slider").addEventListener("input", () => show($("slider").valueAsNumber - 1));
addEventListener("hashchange", () => show(named()));

const marks = draw(show);
legend();
show(named());
