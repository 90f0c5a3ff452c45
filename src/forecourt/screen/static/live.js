// What the server pushes goes where it belongs, and the page says when nothing comes any more. Whatever came is told to
// the scripts of the page as the event forecourt:told, with its name and text: a page has this one stream and no other.
"use strict";

(() => {
  const SILENCE_MS = 12000; // the server says something every 4 s
  const HURRY_MS = 700; // a reconnection faster than this is not worth a word
  let connection = null;
  let heardAt = Date.now();
  let lost = null;

  const banner = () => document.getElementById("cut-off");
  const stream = () => document.querySelector("[hx-sse\\:connect]");

  function isLost(soon) {
    if (lost === null) lost = setTimeout(() => { banner().hidden = false; }, soon);
  }

  function isBack() {
    heardAt = Date.now();
    clearTimeout(lost);
    lost = null;
    banner().hidden = true;
  }

  function hear(event) {
    const message = event.detail.message;
    isBack();
    if (message.event === "hello") {
      const assets = document.querySelector("meta[name=assets]").content;
      if (message.data !== assets) location.reload();
    } else if (message.event === "gone") {
      isLost(0);
    }
    event.preventDefault();
    const target = message.event && document.getElementById(message.event);
    if (target && target.hasAttribute("data-live")) {
      htmx.swap({sourceElement: target, target, swap: "innerMorph", text: message.data});
    }
    document.dispatchEvent(new CustomEvent("forecourt:told", {detail: {name: message.event, data: message.data}}));
  }

  document.addEventListener("htmx:sse:after:connection", (event) => { connection = event.detail.connection; isBack(); });
  document.addEventListener("htmx:sse:before:connection", (event) => { if (event.detail.connection.attempt > 0) isLost(HURRY_MS); });
  document.addEventListener("htmx:sse:before:message", hear);
  document.addEventListener("htmx:sse:error", (event) => {
    if (event.detail.status === 401) location.reload(); // the session has ended: log in
    else isLost(HURRY_MS);
  });
  document.addEventListener("visibilitychange", () => { heardAt = Date.now(); });

  setInterval(() => {
    if (document.hidden || !stream()) return;
    if (Date.now() - heardAt > SILENCE_MS) {
      isLost(0);
      heardAt = Date.now();
      if (connection && connection.reader) connection.reader.cancel();
    }
    if (lost !== null) htmx.trigger(stream(), "reconnect"); // for a stream that never began; else without effect
  }, 1000);
})();
