// Whether the stems' pictures show levels or spectra. Spectra cost the server time: they are asked for
// only while somebody can see them, on a wide page, by one who does not mind motion.

import { element } from "./controls.js";

const KEY = "rtstem.spectrum";

export class View {
  // draw(spectral): what the pictures are to show; ask(spectral): what the server is to send
  constructor(draw, ask) {
    this.draw = draw;
    this.ask = ask;
    this.wide = matchMedia("(min-width: 700px)");
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.wanted = stored();
    this.node = element("button", { type: "button", id: "spectrum", text: "Spectrum", title: "Spectra of the stems, or levels" });
    this.node.addEventListener("click", () => {
      this.wanted = !this.wanted;
      store(this.wanted);
      this.apply();
    });
    const colours = matchMedia("(prefers-color-scheme: dark)");
    for (const media of [this.wide, this.still, colours]) media.addEventListener("change", () => this.apply());
    document.addEventListener("visibilitychange", () => this.tell());
  }

  get possible() {
    return this.wide.matches && !this.still.matches;
  }

  get spectral() {
    return this.wanted && this.possible;
  }

  apply() {
    this.node.hidden = !this.possible;
    this.node.setAttribute("aria-pressed", String(this.wanted));
    this.node.classList.toggle("on", this.wanted);
    this.draw(this.spectral);
    this.tell();
  }

  tell() {
    this.ask(this.spectral && !document.hidden);
  }
}

// Where the browser keeps nothing for pages it is simply off the next time.
function stored() {
  try {
    return localStorage.getItem(KEY) === "1";
  } catch {
    return false;
  }
}

function store(wanted) {
  try {
    localStorage.setItem(KEY, wanted ? "1" : "0");
  } catch {
    // not kept
  }
}
