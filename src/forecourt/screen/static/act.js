// Forms and buttons with hx-post, hx-put or hx-delete and hx-swap="none" speak to the control API: their fields go as one
// typed JSON object, and the sentence of a refusal is shown beside them.
//
// A field's value is a number where it is type="number" or data-type="number", true or false for a checkbox or
// data-type="boolean", any JSON for data-type="json", else text. An empty field is left out, unless it is
// data-empty="keep". hx-vals is JSON and wins. The notice is the element that data-notice names by its id, else the
// [role=status] within the closest form or [data-act], else a new one after the control.
"use strict";

(() => {
  function valueOf(field) {
    const type = field.dataset.type || (field.type === "number" || field.type === "range" ? "number" : field.type);
    if (type === "checkbox") return field.checked;
    if (field.value === "" && field.dataset.empty !== "keep") return undefined;
    if (type === "number") return Number(field.value);
    if (type === "boolean") return field.value === "true";
    if (type === "json") return JSON.parse(field.value);
    return field.value;
  }

  function bodyOf(ctx) {
    const body = {};
    const form = ctx.sourceElement.matches("form") ? ctx.sourceElement : ctx.request.submitter && ctx.request.form;
    for (const field of form ? form.elements : []) {
      if (!field.name || field.disabled || field.matches("button, fieldset")) continue;
      if (field.type === "radio" && !field.checked) continue;
      const value = valueOf(field);
      if (value !== undefined) body[field.name] = value;
    }
    return Object.assign(body, ctx.vals);
  }

  function noticeOf(element) {
    const named = element.dataset.notice && document.getElementById(element.dataset.notice);
    const home = element.closest("form, [data-act]");
    let notice = named || (home && home.querySelector("[role=status]"));
    if (!notice) {
      notice = document.createElement("p");
      notice.className = "notice";
      notice.setAttribute("role", "status");
      notice.setAttribute("hx-morph-skip", "");
      element.after(notice);
    }
    return notice;
  }

  function tell(element, sentence) {
    if (!sentence && !element.dataset.notice && !(element.closest("form, [data-act]") || element).querySelector("[role=status]")) {
      if (element.nextElementSibling && element.nextElementSibling.matches(".notice")) element.nextElementSibling.remove();
      return;
    }
    noticeOf(element).textContent = sentence;
  }

  const isAction = (element) => element.matches("[hx-post], [hx-put], [hx-delete]");

  function sentenceOf(text, status) {
    try {
      return JSON.parse(text).error;
    } catch {
      return `Refused (${status}).`;
    }
  }

  htmx.registerExtension("act", {
    htmx_before_request: (element, {ctx}) => {
      if (!isAction(element)) return;
      ctx.request.headers["Accept"] = "application/json";
      if (ctx.request.method === "DELETE") return;
      ctx.request.headers["Content-Type"] = "application/json";
      ctx.request.body = JSON.stringify(bodyOf(ctx));
    },
    htmx_after_request: (element, {ctx}) => {
      if (!isAction(element)) return;
      const refused = ctx.response.status >= 400;
      tell(element, refused ? sentenceOf(ctx.text, ctx.response.status) : "");
      element.dispatchEvent(new CustomEvent(refused ? "act:refused" : "act:done", {bubbles: true, detail: {text: ctx.text}}));
    },
    htmx_error: (element) => {
      if (isAction(element)) tell(element, "Forecourt does not answer.");
    },
  });
})();
