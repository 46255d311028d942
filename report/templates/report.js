"use strict";
// Shows what the data island holds and collects a person's decisions. Text goes in as text only; no request is ever made.
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const issues = new Map(data.issues.map((issue) => [issue.id, issue]));
  const tickets = new Map(data.tickets.map((ticket) => [ticket.id, ticket]));
  const queue = data.tickets.filter((ticket) => ticket.flagged).sort((a, b) => a.id - b.id);
  const flaggedIn = new Map();
  for (const ticket of queue) flaggedIn.set(ticket.issue, (flaggedIn.get(ticket.issue) || 0) + 1);
  const PAGE = 50;
  const VIEWS = ["overview", "issues", "review", "decisions"];

  function el(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (name in made && name !== "list" && name !== "form") made[name] = value;
      else if (value !== null) made.setAttribute(name, value);
    }
    made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
    return made;
  }
  const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
  const named = (id) => (issues.has(id) ? issues.get(id).card.category || id : id);
  const addressOf = (id) => `#issue/${encodeURIComponent(id.replace(/\p{Surrogate}/gu, "?"))}`;
  const issueLink = (id) => el("a", { href: addressOf(id) }, named(id));
  const say = (text) => {
    $("status").textContent = text;
    clearTimeout(say.timer);
    say.timer = setTimeout(() => ($("status").textContent = ""), 6000);
  };

  // Conversations: split into lines when the first one is looked at, parsed one by one

  let lines = null;
  function talkOf(ticketId) {
    if (lines === null) {
      const texts = $("talks").textContent.split("\n");
      lines = new Map(data.talks.map((id, number) => [id, texts[number]]));
    }
    return lines.has(ticketId) ? JSON.parse(lines.get(ticketId)) : null;
  }

  function talkView(ticket) {
    const talk = talkOf(ticket.id);
    if (talk === null) {
      return el("p", { className: "note" }, `This conversation is not in the page; see conversations/${ticket.id}.json, or the ticket in Freshdesk.`);
    }
    const evidence = new Set(ticket.evidence);
    const items = talk.messages.map((message, index) => {
      const rests = evidence.has(index + 1);
      const kind = message.who === "customer" ? "customer" : "agent";
      return el(
        "li",
        { className: rests ? `${kind} evidence` : kind },
        el("p", { className: "who" }, `[${index + 1}] ${message.who} ${message.at.replace("T", " ").replace("Z", " UTC")}${rests ? " · evidence" : ""}`),
        el("p", { className: "pre", dir: "auto" }, message.text),
        message.cut ? el("p", { className: "note" }, `${plural(message.cut, "character")} left out here; see conversations/${ticket.id}.json`) : null,
      );
    });
    return el("ol", { className: "talk" }, items);
  }

  // Decisions: a list of actions in the order made, kept in this browser until exported

  const storeKey = `${data.kind}:${location.pathname}`;
  let actions = [];
  let past = [];
  let storable = true;

  const ticketActionOf = (id) => actions.find((action) => action.ticket_id === id || (action.ticket_ids || []).includes(id));
  const editOf = (id) => actions.find((action) => action.action === "edit" && action.issue_id === id);

  function fits(action) {
    const known = [action.target_issue_id, action.suggested_issue_id, action.issue_id, ...(action.issue_ids || [])].filter(Boolean);
    if (known.some((id) => !issues.has(id))) return false;
    if (action.action === "distinct" && issues.get(action.issue_ids[0]).distinct.includes(action.issue_ids[1])) return false;
    if (action.action === "edit") return issues.get(action.issue_id).hash === action.card_hash;
    const ids = action.ticket_ids || (action.ticket_id ? [action.ticket_id] : []);
    return ids.every((id) => tickets.has(id) && tickets.get(id).issue === action.issue_id) &&
      (!action.ticket_id || Boolean(action.reviewed) === tickets.get(action.ticket_id).reviewed);
  }

  function load() {
    try {
      const kept = JSON.parse(localStorage.getItem(storeKey) || "[]");
      actions = Array.isArray(kept) ? kept.filter((action) => action && typeof action === "object" && fits(action)) : [];
      const gone = (Array.isArray(kept) ? kept.length : 0) - actions.length;
      if (gone) say(`${plural(gone, "decision")} kept in this browser are applied or no longer fit this database, and were left out.`);
    } catch {
      storable = false;
    }
  }

  function keep() {
    try {
      localStorage.setItem(storeKey, JSON.stringify(actions));
    } catch {
      storable = false;
    }
    countUp();
  }

  function change(next, words) {
    past.push(actions);
    if (past.length > 200) past.shift();
    actions = next;
    keep();
    say(words);
  }

  function decide(action, words) {
    change([...actions.filter((other) => other.ticket_id !== action.ticket_id), action], words);
  }

  function undo() {
    if (!past.length) return say("Nothing to undo.");
    actions = past.pop();
    keep();
    say("Undone.");
    show();
  }

  const decided = () => queue.filter((ticket) => ticketActionOf(ticket.id)).length;
  function countUp() {
    $("decisions-badge").textContent = actions.length;
    $("review-badge").textContent = queue.length - decided();
  }

  function ticketAction(verb, ticket, more) {
    const action = { action: verb, ticket_id: ticket.id, issue_id: ticket.issue, ...more };
    if (ticket.meant) action.suggested_issue_id = ticket.meant;
    if (ticket.reviewed) action.reviewed = true;
    return action;
  }

  function inWords(action) {
    const to = (id) => `${id} (${named(id)})`;
    switch (action.action) {
      case "confirm": return `Ticket ${action.ticket_id} stays in ${to(action.issue_id)}`;
      case "accept": return `Ticket ${action.ticket_id} goes as suggested to ${to(action.suggested_issue_id)}`;
      case "move": return `Ticket ${action.ticket_id} goes to ${to(action.target_issue_id)}`;
      case "new": return `Ticket ${action.ticket_id} is an issue of its own`;
      case "ignore": return `Ticket ${action.ticket_id} is taken out`;
      case "merge": return `Merge ${action.issue_ids.map(to).join(" and ")}`;
      case "distinct": return `Not the same: ${action.issue_ids.map(to).join(" and ")}`;
      case "split": return `Split ${plural(action.ticket_ids.length, "ticket")} off ${to(action.issue_id)}: ${action.ticket_ids.join(", ")}`;
      default: return `Edit ${to(action.issue_id)}: ${Object.keys(action.card).join(", ").replaceAll("_", " ")}`;
    }
  }

  // Dialogs

  function ask(title, fields, submit, save) {
    const dialog = $("dialog");
    const problem = el("p", { className: "problem", role: "alert" });
    const close = () => dialog.close();
    const form = el(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          const wrong = save();
          if (wrong) problem.textContent = wrong;
          else close();
        },
      },
      el("h3", { id: "dialog-title" }, title),
      fields,
      problem,
      el("div", { className: "buttons" }, el("button", { type: "submit", className: "main" }, submit), el("button", { type: "button", onclick: close }, "Cancel")),
    );
    dialog.replaceChildren(form);
    dialog.onclose = () => show(true);
    dialog.showModal();
  }

  const picker = (label) => el("label", {}, label, el("input", { list: "all-issues", autocomplete: "off", required: true, placeholder: "issue id, or part of its category" }));
  function picked(label) {
    const typed = label.querySelector("input").value.trim();
    const id = typed.split(" | ")[0].trim();
    if (issues.has(id)) return id;
    const near = data.issues.filter((issue) => issue.card.category.toLowerCase().includes(typed.toLowerCase()));
    return typed && near.length === 1 ? near[0].id : null;
  }

  function askMove(ticket, after) {
    const target = picker("Which issue does it belong to?");
    ask(`Move ticket ${ticket.id}`, target, "Move", () => {
      const id = picked(target);
      if (id === null) return "Choose one issue from the list.";
      decide(ticketAction("move", ticket, { target_issue_id: id }), `Ticket ${ticket.id} goes to ${named(id)}.`);
      if (after) after();
      return "";
    });
  }

  const area = (label, value, rows) => el("label", {}, label, el("textarea", { value, rows }));
  const line = (label, value, required) => el("label", {}, label, el("input", { value, required: Boolean(required), maxLength: 200 }));
  const valueOf = (label) => label.querySelector("input, textarea").value.trim();
  const lists = (text, mark) => text.split(mark).map((part) => part.trim()).filter(Boolean);

  const LINES = { short_description: 2, root_cause: 3, resolution_steps: 4, notes: 2 };  // of the form; the others take one
  const parted = (field) => (LINES[field.name] ? "\n" : ",");
  const formLabel = (field) => (field.many ? `${field.label}, ${LINES[field.name] ? "one a line" : "separated by commas"}` : field.label);

  function cardFields(card) {
    const inputs = data.card_fields.map((field) => {
      const text = field.many ? card[field.name].join(LINES[field.name] ? "\n" : ", ") : card[field.name];
      const node = LINES[field.name] ? area(formLabel(field), text, LINES[field.name]) : line(formLabel(field), text, field.name === "category");
      if (field.many && !LINES[field.name]) node.querySelector("input").maxLength = 2000;
      return { field, node };
    });
    const valueIn = ({ field, node }) => (field.many ? lists(valueOf(node), parted(field)) : valueOf(node));
    const read = () => Object.fromEntries(inputs.map((input) => [input.field.name, valueIn(input)]));
    return { nodes: inputs.map((input) => input.node), read };
  }

  const cardOf = (issue) => ({ ...issue.card, ...(editOf(issue.id) || { card: {} }).card });
  const EMPTY_CARD = Object.fromEntries(data.card_fields.map((field) => [field.name, field.many ? [] : ""]));
  const filled = (card) => Object.fromEntries(Object.entries(card).filter(([, value]) => value.length));

  function askEdit(issue) {
    const form = cardFields(cardOf(issue));
    const before = issue.card;
    ask(`Edit ${issue.id}`, form.nodes, "Keep these words", () => {
      const card = Object.fromEntries(Object.entries(form.read()).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(before[key])));
      const others = actions.filter((action) => action !== editOf(issue.id));
      if (!Object.keys(card).length) change(others, "No change.");
      else change([...others, { action: "edit", issue_id: issue.id, card, card_hash: issue.hash }], `${issue.id} edited.`);
      return "";
    });
  }

  function askTwo(issue, verb, title, submit) {
    const other = picker("The other issue");
    ask(`${title} ${issue.id}`, other, submit, () => {
      const id = picked(other);
      if (id === null) return "Choose one issue from the list.";
      if (id === issue.id) return "Choose another issue than this one.";
      const pair = [issue.id, id];
      const apart = (action) => ["confirm", "new"].includes(action.action) && verb === "merge" && pair.includes(action.issue_id) && pair.includes(action.suggested_issue_id);
      const clash = actions.find((action) => apart(action) || (action.issue_ids && pair.every((one) => action.issue_ids.includes(one))));
      if (clash) return `You decided about these two already: ${inWords(clash)}.`;
      change([...actions, { action: verb, issue_ids: pair }], "Kept.");
      return "";
    });
  }

  function askSplit(issue, ids) {
    if (!ids.length) return say("Tick the tickets to split off first.");
    if (ids.length === issue.tickets.length) return say("At least one ticket must stay.");
    const taken = ids.find((id) => ticketActionOf(id));
    if (taken) return say(`Ticket ${taken} is decided already; undo that first.`);
    const form = cardFields(EMPTY_CARD);
    return ask(`Split ${plural(ids.length, "ticket")} off ${issue.id}`, form.nodes, "Split off", () => {
      change([...actions, { action: "split", issue_id: issue.id, ticket_ids: ids, card: filled(form.read()) }], `${plural(ids.length, "ticket")} split off.`);
      return "";
    });
  }

  // Issues

  const SVG = "http://www.w3.org/2000/svg";
  function spark(issue, label) {
    const counts = new Array(data.starts.length).fill(0);
    for (const id of issue.tickets) {
      const day = tickets.get(id).day;
      let low = 0, high = data.starts.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (data.starts[middle] <= day) low = middle + 1;
        else high = middle;
      }
      if (low > 0 && day) counts[low - 1] += 1;
    }
    const most = Math.max(1, ...counts);
    const picture = document.createElementNS(SVG, "svg");
    const set = (node, attributes) => Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
    set(picture, { class: label ? "trend" : "spark", viewBox: `0 0 ${Math.max(counts.length, 1) * 4} 20`, preserveAspectRatio: "none" });
    set(picture, label ? { role: "img", "aria-label": label } : { "aria-hidden": "true" });
    if (!label) {  // one shape for all bars: a list has thousands of them
      const shape = document.createElementNS(SVG, "path");
      set(shape, { d: counts.map((count, index) => (count ? `M${index * 4 + 0.4} 20V${20 - (20 * count) / most}h3.2V20z` : "")).join("") });
      picture.append(shape);
      return picture;
    }
    counts.forEach((count, index) => {
      const bar = document.createElementNS(SVG, "rect");
      set(bar, { x: index * 4 + 0.4, width: 3.2, y: 20 - (20 * count) / most, height: (20 * count) / most });
      const title = document.createElementNS(SVG, "title");
      title.textContent = `${data.starts[index]}: ${count}`;
      bar.append(title);
      picture.append(bar);
    });
    return picture;
  }

  let hay = null;
  function haystack() {
    if (hay === null) {
      hay = new Map(data.issues.map((issue) => {
        const parts = [issue.id, ...issue.merged, ...Object.values(issue.card).flat()];
        for (const id of issue.tickets) parts.push(`#${id}`, tickets.get(id).subject);
        return [issue.id, parts.join("\n").toLowerCase()];
      }));
    }
    return hay;
  }

  const ORDERS = {
    tickets: (a, b) => b.tickets.length - a.tickets.length,
    recent: (a, b) => b.recent - b.before - (a.recent - a.before) || b.recent - a.recent,
    last: (a, b) => (a.last < b.last ? 1 : a.last > b.last ? -1 : 0),
    id: () => 0,
  };

  function found() {
    const words = $("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    const [category, status, from, to] = ["category", "status-filter", "from", "to"].map((id) => $(id).value);
    const inRange = (day) => (!from || day >= from) && (!to || day <= to);
    const dated = (issue) => issue.tickets.some((id) => tickets.get(id).day && inRange(tickets.get(id).day)) || (issue.first && (!to || issue.first <= to) && (!from || issue.last >= from) && !issue.tickets.some((id) => tickets.get(id).day));
    return data.issues
      .filter((issue) => (!category || issue.card.category === category) && (!status || issue.status === status))
      .filter((issue) => !$("only-flagged").checked || flaggedIn.has(issue.id))
      .filter((issue) => !$("only-fresh").checked || issue.fresh || issue.tickets.some((id) => tickets.get(id).fresh))
      .filter((issue) => (!from && !to) || dated(issue))
      .filter((issue) => words.every((word) => haystack().get(issue.id).includes(word)))
      .sort(ORDERS[$("order").value]);
  }

  const rowsMade = new Map();  // a row never changes, so each is made once
  function rowOf(issue) {
    if (!rowsMade.has(issue.id)) {
      const flags = flaggedIn.get(issue.id) || 0;
      const link = el("a", { href: addressOf(issue.id), "data-issue": issue.id },
        el("span", {}, el("strong", { dir: "auto" }, issue.card.category || issue.id),
          el("span", { className: "facts" }, plural(issue.tickets.length, "ticket"), " ", issue.status,
            flags ? el("span", { className: "tag flagged" }, `${flags} for review`) : null, issue.fresh ? el("span", { className: "tag" }, "new") : null)),
        spark(issue, ""));
      rowsMade.set(issue.id, el("li", {}, link));
    }
    return rowsMade.get(issue.id);
  }

  let opened = null;
  function showList() {
    const rows = found();
    $("found").textContent = `${plural(rows.length, "issue")} of ${data.issues.length}`;
    $("issue-list").replaceChildren(...rows.map(rowOf));
    markOpened();
  }

  function markOpened() {
    for (const link of $("issue-list").querySelectorAll("a")) {
      if (link.dataset.issue === opened) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  const section = (title, ...content) => (content.flat().filter(Boolean).length ? [el("h4", {}, title), ...content.flat().filter(Boolean)] : []);

  function cardView(issue) {
    const card = cardOf(issue);
    return [
      card.short_description ? el("p", { dir: "auto" }, card.short_description) : null,
      ...section("Root cause", card.root_cause ? el("p", { className: "pre", dir: "auto" }, card.root_cause) : el("p", { className: "remark" }, "Not known.")),
      ...section("Steps", card.resolution_steps.length ? el("ol", {}, card.resolution_steps.map((step) => el("li", { dir: "auto" }, step))) : el("p", { className: "remark" }, "None recorded.")),
      ...section("Keywords", card.keywords.length ? el("p", { className: "facts" }, card.keywords.map((word) => el("span", { className: "tag" }, word))) : null),
      ...section("Notes", card.notes ? el("p", { className: "pre", dir: "auto" }, card.notes) : null),
    ];
  }

  function whoDecided(ticket) {
    if (ticket.by === "person" || (ticket.reviewed && !ticket.by)) return "decided by a person";
    if (!ticket.model) return ticket.by === "model" ? "decided by the model" : "not in the decision log";
    return `decided by ${ticket.model}, prompts ${ticket.prompts}`;
  }

  function ticketFacts(ticket) {
    return el("p", { className: "facts" },
      ticket.day || null,
      ticket.confidence === null ? null : el("span", {}, `confidence ${ticket.confidence}`),
      el("span", {}, whoDecided(ticket)),
      ticket.guards.length ? el("span", {}, `guards: ${ticket.guards.join(", ")}`) : null,
      ticket.url ? el("a", { href: ticket.url, target: "_blank", rel: "noopener noreferrer" }, `Ticket ${ticket.id} in Freshdesk`) : null);
  }

  const meantText = (ticket) =>
    ticket.meant ? el("p", {}, "The model meant: ", issueLink(ticket.meant)) : ticket.meant_gone ? el("p", {}, `The model meant ${ticket.meant_gone}, which is gone.`) : null;

  function tags(ticket) {
    const mine = ticketActionOf(ticket.id);
    return [
      ticket.flagged ? el("span", { className: "tag flagged" }, "for review") : null,
      ticket.reviewed ? el("span", { className: "tag good" }, "reviewed") : null,
      ticket.fresh ? el("span", { className: "tag" }, "new") : null,
      mine ? el("span", { className: "tag yours" }, `you: ${mine.action}`) : null,
    ].filter(Boolean);
  }

  function ticketButtons(ticket, after) {
    const stays = ticket.flagged || !ticket.reviewed;
    const done = (verb, words) => () => { decide(ticketAction(verb, ticket), words); (after || (() => show(true)))(); };
    return el("div", { className: "buttons" },
      stays ? el("button", { type: "button", onclick: done("confirm", `Ticket ${ticket.id} stays.`) }, "Right here") : null,
      ticket.meant && ticket.meant !== ticket.issue ? el("button", { type: "button", onclick: done("accept", `Ticket ${ticket.id} goes as suggested.`) }, "Take the suggestion") : null,
      el("button", { type: "button", onclick: () => askMove(ticket, after) }, "Move…"),
      el("button", { type: "button", onclick: done("new", `Ticket ${ticket.id} is an issue of its own.`) }, "New issue"),
      el("button", { type: "button", onclick: done("ignore", `Ticket ${ticket.id} is taken out.`) }, "Take out"));
  }

  function ticketView(ticket, ticked) {
    const body = el("div", {});
    const shown = el("details", { className: "ticket", id: `ticket-${ticket.id}` },
      el("summary", {}, el("strong", {}, `#${ticket.id} `), el("span", { dir: "auto" }, ticket.subject || "(no subject known)"), " ", tags(ticket)),
      body);
    shown.addEventListener("toggle", () => {
      if (shown.open && !body.hasChildNodes()) {
        body.append(ticketFacts(ticket), ...(ticket.reason ? [el("p", { dir: "auto" }, ticket.reason)] : []), ...[meantText(ticket)].filter(Boolean), talkView(ticket), ticketButtons(ticket));
      }
    });
    const box = el("input", { type: "checkbox", checked: ticked.has(ticket.id), "aria-label": `Choose ticket ${ticket.id}`, onchange: (event) => (event.target.checked ? ticked.add(ticket.id) : ticked.delete(ticket.id)) });
    return el("div", { className: "ticket-row" }, box, shown);
  }

  const openState = { issue: null, shown: PAGE, ticked: new Set(), open: new Set() };
  function showIssue(id, ticketId) {
    const issue = issues.get(id) || data.issues.find((other) => other.merged.includes(id));
    const box = $("issue");
    opened = issue ? issue.id : null;
    box.hidden = !issue;
    document.querySelector("#view-issues .split").classList.toggle("open", Boolean(issue));
    if (!issue) return;
    if (openState.issue !== issue.id) Object.assign(openState, { issue: issue.id, shown: PAGE, ticked: new Set() });
    const ids = issue.tickets;
    if (ticketId) openState.shown = Math.max(openState.shown, ids.indexOf(ticketId) + 1);
    const wasOpen = new Set([...box.querySelectorAll("details[open]")].map((shown) => shown.id));
    const mine = actions.filter((action) => action.issue_id === issue.id || (action.issue_ids || []).includes(issue.id)).filter((action) => !action.ticket_id);
    const rows = ids.slice(0, openState.shown).map((ticket) => ticketView(tickets.get(ticket), openState.ticked));
    const more = ids.length - rows.length;
    box.replaceChildren(
      el("a", { href: "#issues", className: "back" }, "Back to the list"),
      el("h3", { id: "issue-title", tabIndex: -1, dir: "auto" }, cardOf(issue).category || issue.id),
      el("p", { className: "facts" }, el("span", {}, issue.id), el("span", { className: issue.status === "confirmed" ? "tag good" : "tag" }, issue.status),
        el("span", {}, `confidence ${issue.confidence}`), issue.first ? el("span", {}, issue.first === issue.last ? issue.first : `${issue.first} to ${issue.last}`) : null,
        issue.person ? el("span", { className: "tag" }, "card written by a person") : null, issue.fresh ? el("span", { className: "tag" }, "new") : null),
      ...mine.map((action) => el("p", { className: "note" }, `You: ${inWords(action)}`)),
      ...cardView(issue).filter(Boolean),
      ...(issue.merged.length ? section("Also known as", el("p", {}, issue.merged.join(", "))) : []),
      ...(issue.distinct.length ? section("Not the same as", el("p", {}, issue.distinct.map((other, index) => [index ? ", " : "", issueLink(other)]).flat())) : []),
      el("div", { className: "buttons" },
        el("button", { type: "button", onclick: () => askEdit(issue) }, "Edit…"),
        el("button", { type: "button", onclick: () => askTwo(issue, "merge", "Merge with", "Merge") }, "Merge with…"),
        el("button", { type: "button", onclick: () => askTwo(issue, "distinct", "Not the same as", "Keep apart") }, "Not the same as…"),
        el("button", { type: "button", onclick: () => askSplit(issue, ids.filter((ticket) => openState.ticked.has(ticket))) }, "Split off chosen tickets…")),
      el("h4", {}, plural(ids.length, "ticket")),
      data.starts.length ? spark(issue, `Bars: tickets a ${data.unit}; ${issue.recent} in the last four weeks, ${issue.before} in the four before`) : "",
      ...rows,
      ...(more ? [el("button", { type: "button", onclick: () => { openState.shown += PAGE; showIssue(issue.id); } }, `Show ${Math.min(more, PAGE)} more of ${more}`)] : []),
    );
    for (const shown of box.querySelectorAll("details")) if (wasOpen.has(shown.id) || shown.id === `ticket-${ticketId}`) shown.open = true;
    markOpened();
  }

  // Review, one ticket at a time

  let position = 0;
  function option(issue, title, button, chosen) {
    return el("section", { className: chosen ? "panel option chosen" : "panel option" },
      el("h4", {}, title), el("p", {}, el("strong", {}, issueLink(issue.id)), ` ${issue.id}, ${plural(issue.tickets.length, "ticket")}`),
      issue.card.short_description ? el("p", { dir: "auto" }, issue.card.short_description) : null,
      issue.card.root_cause ? el("p", { className: "remark", dir: "auto" }, `Cause: ${issue.card.root_cause}`) : null,
      el("div", { className: "buttons" }, button));
  }

  const key = (letter) => el("kbd", { "aria-hidden": "true" }, letter);
  let keys = {};

  function go(to) {
    position = (to + queue.length) % queue.length;
    showReview(true);
  }

  function forward() {
    const rest = queue.map((_, step) => (position + 1 + step) % queue.length).find((index) => !ticketActionOf(queue[index].id));
    if (rest === undefined) location.hash = "#decisions";
    else go(rest);
  }

  function showReview(focus) {
    const body = $("review-body");
    if (!queue.length) return body.replaceChildren(el("p", {}, "Nothing is waiting for review."));
    const ticket = queue[position];
    const mine = ticketActionOf(ticket.id);
    const chose = (verb, target) => mine && mine.action === verb && (!target || mine.target_issue_id === target);
    const act = (verb, more, words) => () => { decide(ticketAction(verb, ticket, more), words); forward(); };
    const button = (label, letter, run, main) => { keys[letter] = run; return el("button", { type: "button", onclick: run, className: main ? "main" : "" }, label, key(letter)); };
    keys = { ArrowRight: () => go(position + 1), ArrowLeft: () => go(position - 1), u: undo };
    const options = [option(issues.get(ticket.issue), "It stands in", button("Right as it stands", "c", act("confirm", {}, `Ticket ${ticket.id} stays.`)), chose("confirm"))];
    if (ticket.meant && ticket.meant !== ticket.issue) {
      options.push(option(issues.get(ticket.meant), "The model meant", button("Take the suggestion", "a", act("accept", {}, `Ticket ${ticket.id} goes as suggested.`), true), chose("accept")));
    }
    ticket.near.filter((id) => id !== ticket.meant && issues.has(id)).forEach((id, index) => {
      options.push(option(issues.get(id), "Looks alike", button("Move it here", String(index + 1), act("move", { target_issue_id: id }, `Ticket ${ticket.id} goes to ${named(id)}.`)), chose("move", id)));
    });
    const count = decided();
    body.replaceChildren(
      el("p", { id: "review-count" }, `${count} of ${plural(queue.length, "ticket")} decided`),
      el("progress", { className: "progress", max: queue.length, value: count, "aria-labelledby": "review-count" }),
      el("div", { className: "buttons" },
        el("button", { type: "button", onclick: () => go(position - 1) }, "Back", key("←")), el("button", { type: "button", onclick: () => go(position + 1) }, "Later", key("→")),
        el("button", { type: "button", onclick: undo, disabled: !past.length }, "Undo", key("u"))),
      el("div", { className: "review-grid" },
        el("article", { className: "ticket-card", "aria-labelledby": "review-ticket" },
          el("h3", { id: "review-ticket", tabIndex: -1, dir: "auto" }, `#${ticket.id} ${ticket.subject || "(no subject known)"}`),
          ticketFacts(ticket), el("p", { className: "facts" }, tags(ticket)),
          ...section("Why", ticket.reason ? el("p", { dir: "auto" }, ticket.reason) : null),
          ...[ticket.meant ? null : meantText(ticket)].filter(Boolean),
          el("h4", {}, "Conversation"), talkView(ticket)),
        el("div", { className: "options" }, options,
          el("section", { className: "panel option" }, el("h4", {}, "Or"), el("div", { className: "buttons" },
            button("Move elsewhere…", "m", () => askMove(ticket, forward)), button("New issue", "n", act("new", {}, `Ticket ${ticket.id} is an issue of its own.`)),
            button("Take out", "i", act("ignore", {}, `Ticket ${ticket.id} is taken out.`)))))),
    );
    if (focus) $("review-ticket").focus({ preventScroll: false });
  }

  $("view-review").addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
    if (typing || event.ctrlKey || event.metaKey || event.altKey || $("dialog").open) return;
    const run = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (run) { event.preventDefault(); run(); }
  });

  // Decisions and their export

  function exportFile() {
    const content = JSON.stringify({ kind: data.kind, version: 1, actions }, null, 2) + "\n";
    const address = URL.createObjectURL(new Blob([content], { type: "application/json" }));
    const link = el("a", { href: address, download: "review.json" });
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
    say("review.json is in your downloads.");
  }

  function showDecisions() {
    const rows = actions.map((action) => el("li", {}, inWords(action), " ",
      el("button", { type: "button", "aria-label": `Take back: ${inWords(action)}`, onclick: () => { change(actions.filter((other) => other !== action), "Taken back."); show(); } }, "Take back")));
    $("decisions-body").replaceChildren(
      storable ? "" : el("p", { className: "note" }, "This browser keeps nothing for this page: export before you close it."),
      actions.length ? el("ol", {}, rows) : el("p", {}, "None yet. Decide tickets under Review, or open an issue to edit, merge or split it."),
      el("div", { className: "buttons" },
        el("button", { type: "button", className: "main", onclick: exportFile, disabled: !actions.length }, "Export review.json"),
        el("button", { type: "button", onclick: undo, disabled: !past.length }, "Undo"),
        el("button", { type: "button", disabled: !actions.length, onclick: () => { change([], "All taken back; Undo brings them again."); show(); } }, "Take all back")),
      actions.length ? el("p", {}, "They are kept in this browser. To put them into the database, export them, then run in the project's folder, with the path of the downloaded file: ", el("code", {}, data.command)) : "");
  }

  // Which part is shown follows the address, so that Back works and a link to an issue can be kept

  function show(stay) {
    const [name, id] = location.hash.slice(1).split("/");
    let target = "";
    try { target = decodeURIComponent(id || ""); } catch { target = ""; }
    const view = name === "issue" || name === "ticket" ? "issues" : VIEWS.includes(name) ? name : "overview";
    for (const other of VIEWS) $(`view-${other}`).hidden = other !== view;
    for (const link of document.querySelectorAll("nav a")) {
      if (link.dataset.view === view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    if (view === "issues") {
      const ticket = name === "ticket" ? tickets.get(Number(target)) : null;
      if (!$("issue-list").hasChildNodes()) showList();
      showIssue(ticket ? ticket.issue : name === "issue" ? target : "", ticket ? ticket.id : 0);
    }
    if (view === "review") showReview();
    if (view === "decisions") showDecisions();
    if (stay !== true && show.ready) {
      const heading = view === "issues" && opened ? $("issue-title") : view === "review" && queue.length ? $("review-ticket") : $(`${view}-title`);
      window.scrollTo(0, 0);
      heading.focus();
    }
    show.ready = true;
  }

  const counts = new Map();
  for (const issue of data.issues) counts.set(issue.card.category, (counts.get(issue.card.category) || 0) + 1);
  $("category").append(...[...counts.keys()].filter(Boolean).sort((a, b) => a.localeCompare(b)).map((name) => el("option", { value: name }, name)));
  $("all-issues").append(...data.issues.map((issue) => el("option", { value: `${issue.id} | ${issue.card.category}` })));
  $("only-fresh").disabled = !data.issues.some((issue) => issue.fresh) && !data.tickets.some((ticket) => ticket.fresh);
  let waiting = 0;
  $("filters").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(showList, 80); });
  $("filters").addEventListener("submit", (event) => { event.preventDefault(); showList(); });
  window.addEventListener("hashchange", () => show());
  load();
  countUp();
  show();
})();
