// The WebSocket: reconnects by itself, hands every message on, says how it stands.

const PAUSES = [250, 500, 1000, 2000]; // ms before the next try

export class Link {
  constructor(onMessage, onState) {
    this.onMessage = onMessage;
    this.onState = onState;
    this.tries = 0;
    addEventListener("online", () => this.again(0));
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && !this.open) this.again(0);
    });
    this.connect();
  }

  get open() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  connect() {
    const token = new URLSearchParams(location.hash.slice(1)).get("token");
    const query = token ? "?token=" + encodeURIComponent(token) : "";
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws${query}`);
    this.socket = socket;
    socket.binaryType = "arraybuffer"; // spectra come as bytes, all else as JSON
    socket.onmessage = (event) => {
      if (socket !== this.socket) return;
      this.tries = 0;
      const isText = typeof event.data === "string";
      this.onMessage(isText ? JSON.parse(event.data) : { type: "spectrum", bands: new Uint8Array(event.data) });
    };
    socket.onopen = () => this.onState("connected");
    socket.onclose = () => {
      if (socket !== this.socket) return;
      this.onState("disconnected");
      this.again(PAUSES[Math.min(this.tries++, PAUSES.length - 1)]);
    };
  }

  again(pause) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (this.open || this.socket?.readyState === WebSocket.CONNECTING) return;
      this.onState("connecting");
      this.connect();
    }, pause);
  }

  send(message) {
    if (this.open) this.socket.send(JSON.stringify(message));
    return this.open;
  }
}
