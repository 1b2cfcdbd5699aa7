// Looks at the page from within, in a browser, and posts what it sees to the test.
const violations = [];
addEventListener("securitypolicyviolation", e => violations.push(`${e.violatedDirective}: ${e.blockedURI}`));
addEventListener("error", e => violations.push(String(e.message)));
addEventListener("unhandledrejection", e => violations.push(String(e.reason)));

const text = id => document.getElementById(id).textContent;
const all = selector => [...document.querySelectorAll(selector)];

async function until(what, check) {
  for (const end = Date.now() + 60e3; Date.now() < end; await new Promise(r => setTimeout(r, 50))) if (check()) return;
  throw new Error(`never: ${what}; the state is "${text("state")}"`);
}

// painted says whether a canvas has more than one colour.
function painted(canvas) {
  if (!canvas?.width) return false;
  const p = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  for (let i = 4; i < p.length; i += 4) if (p[i] !== p[0] || p[i + 3] !== p[3]) return true;
  return false;
}

// moving waits until the time that is shown has changed twice.
async function moving() {
  for (let n = 0, last = text("asof"); n < 2; n++) {
    await until("the time goes on", () => text("asof") !== last);
    last = text("asof");
  }
}

const post = (stage, more) => fetch("result", {method: "POST", body: JSON.stringify({
  stage, state: text("state"), violations, width: innerWidth, wide: document.documentElement.scrollWidth,
  charts: all("figure:not([hidden]) path.line").length, processors: document.querySelector("#heat canvas") ? painted(document.querySelector("#heat canvas")) || document.getElementById("heat").hidden : false,
  buttons: all("table button.pick").length, strange: performance.getEntriesByType("resource").map(e => e.name).filter(n => !n.startsWith(location.origin + "/")),
  dark: matchMedia("(prefers-color-scheme: dark)").matches, ...more,
})});

try {
  await until("live", () => text("state").startsWith("Live") && all("figure:not([hidden]) path.line").length >= 4);
  await moving();
  await post("live");
  if (location.pathname === "/") {
    await until("gone", () => document.documentElement.classList.contains("gone"));
    await post("gone");
    await until("back", () => text("state").startsWith("Live again") && !document.documentElement.classList.contains("gone"));
    await moving();
    await post("back");
  }
} catch (e) {
  await post("failed", {failure: String(e)});
}
