// A stem's last seconds as a picture that scrolls: its level, or its spectrum.

import { element } from "./controls.js";

const COLUMN = 2; // pixels a frame of 1/30 s
const COLOURS = 64;

function rgb(colour) {
  return colour.match(/[\d.]+/g).slice(0, 3).map(Number);
}

// From the background over the stem's colour to that of the text: dark to bright where the page is
// dark, bright to dark where it is bright.
function colourMap(background, stem, text) {
  const stops = [background, stem, text].map(rgb);
  return Array.from({ length: COLOURS }, (_, n) => {
    const at = (2 * n) / (COLOURS - 1);
    const first = Math.min(1, Math.floor(at));
    const mixed = stops[first].map((from, c) => from + (stops[first + 1][c] - from) * (at - first));
    return `rgb(${mixed.map(Math.round).join(" ")})`;
  });
}

export class Scroll {
  constructor(label) {
    this.label = label;
    this.node = element("canvas", { class: "scroll", role: "img" });
    this.show(false);
    new ResizeObserver(() => this.fit()).observe(this.node);
  }

  // Spectra from now on, or levels.
  show(spectral) {
    this.spectral = spectral;
    this.node.setAttribute("aria-label", `${this.label}, ${spectral ? "spectrum" : "level"} of the last seconds`);
    this.fit();
    this.pen?.clearRect(0, 0, this.node.width, this.node.height);
  }

  // The size and the colours of the page as it is now; what was drawn stays.
  fit() {
    const ratio = Math.min(2, devicePixelRatio || 1);
    const [width, height] = [this.node.clientWidth, this.node.clientHeight].map((n) => Math.round(n * ratio));
    const before = this.pen?.getImageData(0, 0, this.node.width, this.node.height);
    this.pen = null;
    if (width < 1 || height < 1) return; // not shown
    [this.node.width, this.node.height] = [width, height];
    this.pen = this.node.getContext("2d");
    if (before) this.pen.putImageData(before, width - before.width, 0);
    const style = getComputedStyle(this.node);
    this.colour = style.color;
    this.colours = colourMap(style.backgroundColor, style.color, getComputedStyle(document.body).color);
  }

  // One more column: the level in dB, and the spectrum as bytes from the lowest band up, if known.
  push(db, bands) {
    if (!this.pen || (this.spectral && !bands)) return;
    this.pen.globalCompositeOperation = "copy";
    this.pen.drawImage(this.node, -COLUMN, 0);
    this.pen.globalCompositeOperation = "source-over";
    if (this.spectral) this.drawBands(bands);
    else this.drawLevel(db);
  }

  // By a curve between dB and amplitude.
  drawLevel(db) {
    const { width, height } = this.node;
    this.pen.fillStyle = this.colour;
    const tall = Math.max(1, Math.min(1, 10 ** (db / 46)) * height);
    this.pen.fillRect(width - COLUMN, (height - tall) / 2, COLUMN, tall);
  }

  drawBands(bands) {
    const { width, height } = this.node;
    bands.forEach((level, band) => {
      const top = Math.round(height * (1 - (band + 1) / bands.length));
      const bottom = Math.round(height * (1 - band / bands.length));
      this.pen.fillStyle = this.colours[Math.round((level / 255) * (COLOURS - 1))];
      this.pen.fillRect(width - COLUMN, top, COLUMN, bottom - top);
    });
  }
}
