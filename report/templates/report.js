"use strict";
// Shows what the page's JSON holds and collects a person's decisions. Text goes in as text only; no request is ever made.
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const issues = new Map(data.issues.map((issue) => [issue.id, issue]));
  const tickets = new Map(data.tickets.map((ticket) => [ticket.id, ticket]));
  const queue = data.groups.flatMap((group) => group.tickets).map((id) => tickets.get(id));
  const flaggedIn = new Map();
  for (const ticket of queue) flaggedIn.set(ticket.issue, (flaggedIn.get(ticket.issue) || 0) + 1);
  const PAGE = 50;
  const CHUNK = 100;
  const VIEWS = ["overview", "issues", "review", "decisions"];

  function el(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (name in made && name !== "list") made[name] = value;
      else if (value !== null) made.setAttribute(name, value);
    }
    made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
    return made;
  }
  const plural = (count, word, many) => `${count} ${count === 1 ? word : many || `${word}s`}`;
  const named = (id) => (issues.has(id) ? issues.get(id).card.category || id : id);
  const addressOf = (id) => `#issue/${encodeURIComponent(id.replace(/\p{Surrogate}/gu, "?"))}`;
  const issueLink = (id) => el("a", { href: addressOf(id) }, named(id));
  const button = (label, run, attributes) => el("button", { type: "button", onclick: run, ...attributes }, label);
  const lately = (issue) => `${issue.recent} in the last ${data.span}, ${issue.before} before`;
  const markCurrent = (link, value) => (value ? link.setAttribute("aria-current", value) : link.removeAttribute("aria-current"));
  const say = (text, shownFor) => {
    $("status").textContent = text;
    clearTimeout(say.timer);
    say.timer = setTimeout(() => ($("status").textContent = ""), shownFor || 6000);
  };

  // Conversations: split into lines when the first one is looked at, parsed one by one

  let lines = null;
  function conversationOf(ticketId) {
    if (lines === null) {
      const texts = $("conversations").textContent.split("\n");
      lines = new Map(data.conversations.map((id, number) => [id, texts[number]]));
    }
    return lines.has(ticketId) ? JSON.parse(lines.get(ticketId)) : null;
  }

  function conversationView(ticket) {
    const said = conversationOf(ticket.id);
    if (said === null) {
      return el("p", { className: "note" }, `This conversation is not in the page; see conversations/${ticket.id}.json, or the ticket in Freshdesk.`);
    }
    const evidence = new Set(ticket.evidence);
    const items = said.messages.map((message, index) => {
      const rests = evidence.has(index + 1);
      const kind = message.who === "customer" ? "customer" : "agent";
      return el(
        "li",
        { className: rests ? `${kind} evidence` : kind },
        el("p", { className: "who" }, `[${index + 1}] ${message.who} ${message.at.replace("T", " ").replace("Z", " UTC")} `, rests ? el("mark", {}, "evidence") : ""),
        el("p", { className: "pre", dir: "auto" }, message.text),
        message.cut ? el("p", { className: "note" }, `${plural(message.cut, "character")} left out here; see conversations/${ticket.id}.json`) : null,
      );
    });
    return el("ol", { className: "conversation" }, items);
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

  function tellWhatIsKept(settled) {  // once for each state of the database, and not at every reload
    const told = localStorage.getItem(`${storeKey}:told`);
    if (told === data.stamp) return;
    localStorage.setItem(`${storeKey}:told`, data.stamp);
    const parts = [
      settled ? `${plural(settled, "decision")} made here before: applied already, or no longer fit for this database.` : "",
      actions.length ? `${plural(actions.length, "decision")} made here before, not in the database yet: carried over, see Decisions.` : "",
    ];
    if (parts.some(Boolean)) say(parts.filter(Boolean).join(" "), 15000);
  }

  function load() {
    try {
      const stored = JSON.parse(localStorage.getItem(storeKey) || "[]");
      const kept = Array.isArray(stored) ? stored : [];
      actions = kept.filter((action) => action && typeof action === "object" && fits(action));
      tellWhatIsKept(kept.length - actions.length);
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


  function undo() {
    if (!past.length) return say("Nothing to undo.");
    actions = past.pop();
    keep();
    say("Undone.");
    show();
  }

  const decided = () => queue.filter((ticket) => ticketActionOf(ticket.id)).length;
  const pairDecision = (pair) => actions.find((action) => action.issue_ids && pair.ids.every((id) => action.issue_ids.includes(id)));
  function countUp() {
    $("decisions-badge").textContent = actions.length;
    $("review-badge").textContent = queue.length - decided();
    const left = { pairs: data.pairs.filter((pair) => !pairDecision(pair)).length };
    for (const group of data.groups) left[group.look] = (left[group.look] || 0) + group.tickets.filter((id) => !ticketActionOf(id)).length;
    for (const chip of document.querySelectorAll("[data-look]")) {
      chip.querySelector("b").textContent = left[chip.dataset.look];
      chip.hidden = !left[chip.dataset.look];
    }
  }

  const BECOMES = { confirm: "stays", accept: "goes as suggested", new: "is an issue of its own", ignore: "is ignored" };
  function decide(verb, ticket, more) {
    const action = ticketAction(verb, ticket, more);
    const what = BECOMES[verb] || `goes to ${named(action.target_issue_id)}`;
    change([...actions.filter((other) => other.ticket_id !== ticket.id), action], `Ticket ${ticket.id} ${what}.`);
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
      case "ignore": return `Ticket ${action.ticket_id} is ignored`;
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
      el("div", { className: "buttons" }, el("button", { type: "submit", className: "main" }, submit), button("Cancel", close)),
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
      decide("move", ticket, { target_issue_id: id });
      if (after) after();
      return "";
    });
  }

  const area = (label, value, rows) => el("label", {}, label, el("textarea", { value, rows }));
  const line = (label, value, required) => el("label", {}, label, el("input", { value, required: Boolean(required), maxLength: 200 }));
  const valueOf = (label) => label.querySelector("input, textarea").value.trim();
  const lists = (text, mark) => text.split(mark).map((part) => part.trim()).filter(Boolean);

  const LINES = { short_description: 2, root_cause: 3, resolution_steps: 4, notes: 2 };  // of the form; the others take one

  function cardFields(card) {
    const inputs = data.card_fields.map(({ name, label, many }) => {
      const rows = LINES[name];
      const text = many ? card[name].join(rows ? "\n" : ", ") : card[name];
      const title = many ? `${label}, ${rows ? "one a line" : "separated by commas"}` : label;
      const node = rows ? area(title, text, rows) : line(title, text, name === "category");
      if (many && !rows) node.querySelector("input").maxLength = 2000;
      return { name, node, value: () => (many ? lists(valueOf(node), rows ? "\n" : ",") : valueOf(node)) };
    });
    const read = () => Object.fromEntries(inputs.map(({ name, value }) => [name, value()]));
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

  function svg(tag, attributes, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }
  const picture = (attributes, bars) =>
    svg("svg", { viewBox: `0 0 ${Math.max(data.starts.length, 1) * 4} 20`, preserveAspectRatio: "none", ...attributes }, ...bars);

  function spark(issue) {  // one shape for all bars: a list has thousands of them
    const most = Math.max(4, ...issue.bars);  // one ticket a month is no flood
    const bars = issue.bars.map((count, index) => (count ? `M${index * 4 + 0.4} 20V${20 - (20 * count) / most}h3.2V20z` : ""));
    const begun = data.partial ? bars.pop() : "";
    return picture({ class: "spark", "aria-hidden": "true" }, [svg("path", { d: bars.join("") }), begun ? svg("path", { d: begun, class: "partial" }) : ""]);
  }

  function chart(issue) {
    const most = Math.max(1, ...issue.bars);
    const bars = issue.bars.map((count, index) => {
      const partial = data.partial && index === issue.bars.length - 1;
      const height = (20 * count) / most;
      return svg("rect", { x: index * 4 + 0.4, width: 3.2, y: 20 - height, height, class: partial ? "partial" : "" },
        svg("title", {}, `${data.starts[index]}: ${count}${partial ? `, up to ${data.newest} only` : ""}`));
    });
    return [
      picture({ class: "trend", role: "img", "aria-label": `Bars: tickets a ${data.unit}; ${lately(issue)}` }, bars),
      el("p", { className: "axis" }, el("span", {}, data.starts[0]), el("span", {}, `tickets a ${data.unit}, at most ${Math.max(0, ...issue.bars)}`), el("span", {}, data.starts[data.starts.length - 1])),
    ];
  }

  let hay = null;
  function haystack() {
    if (hay === null) {
      hay = new Map(data.issues.map((issue) => {
        const parts = [issue.id, ...issue.merged, ...Object.values(issue.card).flat()];
        for (const id of issue.tickets) parts.push(`#${id}`, tickets.get(id).subject);
        const text = parts.join("\n").toLowerCase();
        return [issue.id, `${text}\n${text.replaceAll("-", "")}`];  // "wifi" finds "Wi-Fi"
      }));
    }
    return hay;
  }

  const ORDERS = {
    tickets: (a, b) => b.tickets.length - a.tickets.length,
    effort: (a, b) => b.effort.replies - a.effort.replies,
    recent: (a, b) => b.recent - b.before - (a.recent - a.before) || b.recent - a.recent,
    last: (a, b) => (a.last < b.last ? 1 : a.last > b.last ? -1 : 0),
    id: () => 0,
  };

  // Filters stand in the address, so that a filtered list can be kept and sent

  const FILTERS = ["q", "area", "kind", "tag", "type", "channel", "language", "moves", "state", "from", "to", "order", "flagged", "no_problem"];
  const filterValue = (id) => ($(id).type === "checkbox" ? ($(id).checked ? "1" : "") : $(id).value);
  function filterQuery() {
    const set = new URLSearchParams();
    for (const id of FILTERS) if (filterValue(id) && !(id === "order" && $(id).value === "tickets")) set.set(id, filterValue(id));
    return set.toString();
  }
  function readFilters(query) {
    const set = new URLSearchParams(query);
    for (const id of FILTERS) {
      const value = set.get(id) || "";
      if ($(id).type === "checkbox") $(id).checked = value === "1";
      else $(id).value = value || (id === "order" ? "tickets" : "");
      if ($(id).tagName === "SELECT" && $(id).selectedIndex < 0) $(id).value = id === "order" ? "tickets" : "";
    }
    if (MORE.some((id) => set.get(id))) $("more-filters").open = true;
  }

  const MORE = ["tag", "type", "channel", "language", "state", "from", "to", "no_problem"];
  const STATES = {
    more: (issue) => issue.tickets.length > 1,
    single: (issue) => issue.tickets.length === 1,
    checked: (issue) => issue.state === "checked by a person",
  };

  function ticketTest() {
    const set = ["tag", "type", "channel", "language", "from", "to"].map(filterValue);
    if (!set.some(Boolean)) return null;
    const [tag, type, channel, language, from, to] = set;
    return (ticket, issue) => {
      const day = ticket.day || (issue.tickets.length === 1 ? issue.first : "");
      return (!tag || ticket.tags.includes(tag)) && (!type || ticket.type === type) && (!channel || ticket.channel === channel) &&
        (!language || ticket.language === language) && (!from || (day && day >= from)) && (!to || (day && day <= to));
    };
  }

  function found() {
    const words = $("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    const [area, kind, moves, state] = ["area", "kind", "moves", "state"].map(filterValue);
    const test = ticketTest();
    return data.issues
      .filter((issue) => (!area || issue.area === area) && (!kind || issue.kind === kind) && (!moves || issue.moves === moves))
      .filter((issue) => (!state || STATES[state](issue)) && issue.no_problem === ($("no_problem").checked || (issue.no_problem && words.length > 0)))
      .filter((issue) => !$("flagged").checked || flaggedIn.has(issue.id))
      .map((issue) => ({ issue, hits: test === null ? issue.tickets.length : issue.tickets.filter((id) => test(tickets.get(id), issue)).length }))
      .filter(({ issue, hits }) => hits > 0 || (test === null && !issue.tickets.length))
      .filter(({ issue }) => words.every((word) => haystack().get(issue.id).includes(word)))
      .sort((a, b) => (test !== null && $("order").value === "tickets" ? b.hits - a.hits : ORDERS[$("order").value](a.issue, b.issue)));
  }

  const rowsMade = new Map();  // a row changes in its number of hits only, so each is made once
  function rowOf({ issue, hits }) {
    if (!rowsMade.has(issue.id)) {
      const flags = flaggedIn.get(issue.id) || 0;
      const count = el("span", {});
      const link = el("a", { href: addressOf(issue.id), "data-issue": issue.id },
        el("span", {}, el("strong", { dir: "auto" }, issue.card.category || issue.id),
          el("span", { className: "facts" }, count, issue.area ? el("span", {}, issue.area) : null, issue.kind ? el("span", {}, issue.kind) : null,
            flags ? el("span", { className: "tag flagged" }, `${flags} for review`) : null, issue.moves ? el("span", { className: `tag m-${issue.moves}` }, issue.moves) : null)),
        spark(issue));
      rowsMade.set(issue.id, { row: el("li", {}, link), count });
    }
    const made = rowsMade.get(issue.id);
    made.count.textContent = hits === issue.tickets.length ? plural(hits, "ticket") : `${hits} of ${plural(issue.tickets.length, "ticket")}`;
    return made.row;
  }

  let opened = null;
  function showList() {
    const rows = found();
    const hits = rows.reduce((sum, row) => sum + row.hits, 0);
    const hidden = $("no_problem").checked ? 0 : data.issues.filter((issue) => issue.no_problem).length;
    const all = rows.length + hidden === data.issues.length;
    $("found").textContent = `${plural(rows.length, "issue")}${rows.length === data.issues.length ? "" : ` of ${data.issues.length}`}, ${plural(hits, "ticket")}${all && hidden ? `; ${hidden} without a problem not shown` : ""}`;
    const none = el("li", { className: "none" }, el("p", {}, "No issue fits."), button("Clear search and filters", clearFilters));
    clearTimeout(filling);
    $("issue-list").replaceChildren(...(rows.length ? rows.slice(0, CHUNK).map(rowOf) : [none]));
    fill(rows, CHUNK);
    markOpened();
    return rows;
  }

  let filling = 0;  // a long list is shown at once and filled in turns, so that it never keeps anybody waiting
  function fill(rows, from) {
    if (from >= rows.length) return;
    filling = setTimeout(() => {
      $("issue-list").append(...rows.slice(from, from + CHUNK).map(rowOf));
      markOpened();
      fill(rows, from + CHUNK);
    }, 0);
  }

  function clearFilters() {
    readFilters("");
    listAgain();
    $("q").focus();
  }

  let listAddress = "#issues";
  function listAgain() {
    const query = filterQuery();
    listAddress = query ? `#issues?${query}` : "#issues";
    history.replaceState(null, "", listAddress);
    const rows = showList();
    openFirst(rows);
  }

  function openFirst(rows) {
    if (rows.length && window.matchMedia("(min-width: 56.01rem)").matches) showIssue(rows[0].issue.id, 0, true);
    else showIssue("");
  }

  function markOpened() {
    for (const link of $("issue-list").querySelectorAll("a")) markCurrent(link, link.dataset.issue === opened ? "true" : "");
  }

  const section = (title, content) => (content ? [el("h4", {}, title), content] : []);

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
    return el("p", { className: "facts flowing" },
      ticket.day ? el("span", {}, ticket.day) : null,
      ticket.confidence === null ? null : el("span", {}, `confidence ${ticket.confidence}`),
      el("span", {}, whoDecided(ticket)),
      ticket.guards.length && !ticket.flagged ? el("span", {}, `guards: ${ticket.guards.join(", ")}`) : null,
      ticket.url ? el("a", { href: ticket.url, target: "_blank", rel: "noopener noreferrer" }, `Ticket ${ticket.id} in Freshdesk`) : null);
  }

  const meantText = (ticket) =>
    ticket.meant ? el("p", {}, "The model meant: ", issueLink(ticket.meant)) : ticket.meant_gone ? el("p", {}, `The model meant ${ticket.meant_gone}, which is gone.`) : null;

  const termsOf = (text) => new Set((text.toLowerCase().match(/[\p{L}\p{N}]{4,}/gu) || []));
  const cardTerms = ({ card }) => termsOf([card.category, card.short_description, card.root_cause, ...card.keywords].join(" "));
  function shared(words, issue, other) {
    const theirs = other ? cardTerms(other) : new Set();
    return [...cardTerms(issue)].filter((word) => words.has(word) && !theirs.has(word)).slice(0, 12).join(", ");
  }
  const cited = (message, number) => `[${number}] ${message.who}: “${message.text.slice(0, 120).trim()}${message.text.length > 120 ? "…" : ""}”`;

  function whyHere(ticket) {
    const here = issues.get(ticket.issue);
    const beside = [ticket.meant, ticket.second, ...ticket.near].map((id) => issues.get(id)).find((other) => other && other !== here) || null;
    const { messages } = conversationOf(ticket.id) || { messages: [] };
    const words = termsOf([ticket.subject, ...messages.map((message) => message.text)].join(" "));
    const side = (title, issue, other) => {
      const own = shared(words, issue, other);
      return el("div", {},
        el("p", {}, title, " ", issue === here ? el("strong", {}, named(issue.id)) : issueLink(issue.id)),
        el("p", { className: "remark" }, own ? `words of the ticket: ${own}` : "no words of the ticket are its own"));
    };
    const resting = ticket.evidence.filter((number) => messages[number - 1]).map((number) => cited(messages[number - 1], number));
    return el("details", {}, el("summary", {}, "Why here?"),
      ticket.said ? el("p", { dir: "auto" }, `The model read: ${ticket.said}`) : null,
      ticket.reason ? el("p", { dir: "auto" }, ticket.reason) : null,
      resting.length ? el("ul", {}, resting.map((text) => el("li", { dir: "auto" }, text))) : null,
      el("div", { className: "why" }, side("It is in", here, beside), beside ? side(ticket.meant === beside.id ? "The model meant" : ticket.second === beside.id ? "Next best" : "Looks alike", beside, here) : null));
  }

  const SUSPICIOUS = "suspicious text";  // what a ticket says to the model is never a reason to nod
  const suspicious = (id) => tickets.get(id).guards.includes(SUSPICIOUS);
  function tags(ticket) {
    const mine = ticketActionOf(ticket.id);
    return [
      ticket.flagged ? el("span", { className: "tag flagged" }, "for review") : null,
      ticket.reviewed ? el("span", { className: "tag good" }, "reviewed") : null,
      ...(ticket.flagged ? ticket.guards.map((guard) => el("span", { className: guard === SUSPICIOUS ? "tag flagged" : "tag" }, guard)) : []),
      mine ? el("span", { className: "tag yours" }, `you: ${mine.action}`) : null,
    ].filter(Boolean);
  }

  function ticketButtons(ticket) {
    const stays = ticket.flagged || !ticket.reviewed;
    const act = (verb) => () => { decide(verb, ticket); show(true); };
    return el("div", { className: "buttons" },
      stays ? button("Right here", act("confirm")) : null,
      ticket.meant && ticket.meant !== ticket.issue ? button("Take the suggestion", act("accept")) : null,
      button("Move…", () => askMove(ticket)),
      button("New issue", act("new")),
      button("Ignore", act("ignore")));
  }

  function ticketView(ticket, ticked) {
    const body = el("div", {});
    const shown = el("details", { className: "ticket", id: `ticket-${ticket.id}` },
      el("summary", {}, el("strong", {}, `#${ticket.id} `), el("span", { dir: "auto" }, ticket.subject || "(no subject known)"), " ", tags(ticket)),
      body);
    shown.addEventListener("toggle", () => {
      if (shown.open && !body.hasChildNodes()) {
        body.append(ticketFacts(ticket), ...[meantText(ticket)].filter(Boolean), whyHere(ticket), conversationView(ticket), ticketButtons(ticket));
      }
    });
    const box = el("input", { type: "checkbox", checked: ticked.has(ticket.id), "aria-label": `Choose ticket ${ticket.id}`, onchange: (event) => (event.target.checked ? ticked.add(ticket.id) : ticked.delete(ticket.id)) });
    return el("div", { className: "ticket-row" }, box, shown);
  }

  function effortView(issue) {
    const work = issue.effort;
    const hours = work.median_hours === null ? null : work.median_hours < 24 ? plural(Math.round(work.median_hours), "hour") : plural(Math.round(work.median_hours / 24), "day");
    const parts = [
      `${plural(issue.tickets.length, "ticket")}, ${lately(issue)}`,
      work.median_replies === null ? null : `${plural(work.replies, "reply", "replies")} of agents${issue.tickets.length > 1 ? `, typically ${work.median_replies}` : ""}`,
      hours ? `${issue.tickets.length > 1 ? "typically " : ""}solved in ${hours}` : null,
      work.customers > 1 ? plural(work.customers, "customer") : null,
      work.companies ? plural(work.companies, "company", "companies") : null,
      work.reopened ? `${work.reopened} reopened` : null,
    ];
    return el("p", { className: "facts" }, parts.filter(Boolean).join(" · "));
  }

  // Texts to take elsewhere

  const LINKED = 20;
  function bugText(issue) {
    const card = cardOf(issue);
    const links = issue.tickets.slice(0, LINKED).map((id) => `- #${id} ${tickets.get(id).url}`.trim());
    const more = issue.tickets.length - links.length;
    return [card.category || issue.id, "", card.short_description, card.root_cause ? `Cause, as agents found it: ${card.root_cause}` : "Cause: not known",
      "", `How often: ${plural(issue.tickets.length, "ticket")}, ${issue.recent} in the last ${data.span} (${issue.before} before)`,
      issue.first ? `Since: ${issue.first}, last on ${issue.last}` : "", issue.effort.customers > 1 ? `Customers: ${issue.effort.customers}` : "",
      issue.quote ? `A customer: “${issue.quote.text}” (#${issue.quote.ticket})` : "", "", "Tickets:", ...links, ...(more ? [`- and ${more} more`] : [])]
      .filter((text, index, all) => text || all[index - 1]).join("\n") + "\n";
  }
  function articleText(issue) {
    const card = cardOf(issue);
    return [`# ${card.category || issue.id}`, "", card.short_description, ...(card.root_cause ? ["", "## Why it happens", "", card.root_cause] : []),
      "", "## What to do", "", ...card.resolution_steps.map((step, index) => `${index + 1}. ${step}`), ...(card.notes ? ["", card.notes] : []),
      ...(card.keywords.length ? ["", `Also searched for as: ${card.keywords.join(", ")}`] : [])].join("\n") + "\n";
  }
  function copyText(text) {
    const old = () => {
      const box = el("textarea", { value: text, className: "hidden", "aria-hidden": "true" });
      document.body.append(box);
      box.select();
      const done = document.execCommand("copy");
      box.remove();
      say(done ? "Copied." : "This browser lets no page copy.");
    };
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(() => say("Copied."), old);
    else old();
  }

  function copyLetter() {
    const { title, said, parts } = data.letter;
    const text = [title, "", ...said, ...parts.flatMap((part) => ["", part.title, ...part.entries.map((entry) => `- ${entry}`)])].join("\n") + "\n";
    const shown = el("div", {}, el("h3", {}, title), said.map((line) => el("p", {}, line)),
      parts.flatMap((part) => [el("p", {}, el("b", {}, part.title)), el("ul", {}, part.entries.map((entry) => el("li", {}, entry)))]));
    if (!navigator.clipboard || !window.ClipboardItem) return copyText(text);
    const kinds = { "text/plain": text, "text/html": shown.outerHTML };
    const item = new ClipboardItem(Object.fromEntries(Object.entries(kinds).map(([type, content]) => [type, new Blob([content], { type })])));
    return navigator.clipboard.write([item]).then(() => say("Copied."), () => copyText(text));
  }

  const openState = { issue: null, shown: PAGE, ticked: new Set() };
  function showIssue(id, ticketId, byItself) {
    const issue = issues.get(id) || data.issues.find((other) => other.merged.includes(id));
    const box = $("issue");
    opened = issue ? issue.id : null;
    box.hidden = !issue;
    document.querySelector("#view-issues .split").classList.toggle("open", Boolean(issue) && !byItself);
    if (!issue) return;
    if (openState.issue !== issue.id) Object.assign(openState, { issue: issue.id, shown: PAGE, ticked: new Set() });
    const ids = issue.tickets;
    if (ticketId) openState.shown = Math.max(openState.shown, ids.indexOf(ticketId) + 1);
    const wasOpen = new Set([...box.querySelectorAll("details[open]")].map((shown) => shown.id));
    const mine = actions.filter((action) => action.issue_id === issue.id || (action.issue_ids || []).includes(issue.id)).filter((action) => !action.ticket_id);
    const rows = ids.slice(0, openState.shown).map((ticket) => ticketView(tickets.get(ticket), openState.ticked));
    const more = ids.length - rows.length;
    box.replaceChildren(
      el("a", { href: listAddress, className: "back" }, "Back to the list"),
      el("h3", { id: "issue-title", tabIndex: -1, dir: "auto" }, cardOf(issue).category || issue.id),
      el("p", { className: "facts" }, el("span", {}, issue.id), el("span", { className: issue.state === "checked by a person" ? "tag good" : "tag" }, issue.state),
        issue.area ? el("a", { href: `#issues?area=${encodeURIComponent(issue.area)}` }, issue.area) : null, issue.kind ? el("span", {}, issue.kind) : null, issue.first ? el("span", {}, issue.first === issue.last ? issue.first : `${issue.first} to ${issue.last}`) : null,
        issue.person ? el("span", { className: "tag" }, "card written by a person") : null, issue.moves ? el("span", { className: `tag m-${issue.moves}` }, issue.moves) : null),
      effortView(issue),
      issue.quote ? el("p", { className: "quoted", dir: "auto" }, el("q", {}, issue.quote.text), " ", el("a", { className: "quiet", href: `#ticket/${issue.quote.ticket}` }, `#${issue.quote.ticket}`)) : "",
      ...mine.map((action) => el("p", { className: "note" }, `You: ${inWords(action)}`)),
      ...cardView(issue).filter(Boolean),
      ...(issue.merged.length ? section("Also known as", el("p", {}, issue.merged.join(", "))) : []),
      ...(issue.distinct.length ? section("Not the same as", el("p", {}, issue.distinct.map((other, index) => [index ? ", " : "", issueLink(other)]).flat())) : []),
      el("div", { className: "buttons" },
        issue.kind === "bug" ? button("Copy as bug report", () => copyText(bugText(issue))) : button("Copy as article", () => copyText(articleText(issue))),
        button("Edit…", () => askEdit(issue)),
        button("Merge with…", () => askTwo(issue, "merge", "Merge with", "Merge")),
        button("Not the same as…", () => askTwo(issue, "distinct", "Not the same as", "Keep apart")),
        button("Split off chosen tickets…", () => askSplit(issue, ids.filter((ticket) => openState.ticked.has(ticket))))),
      el("h4", {}, plural(ids.length, "ticket")),
      ...(data.starts.length ? chart(issue) : []),
      ...rows,
      ...(more ? [button(`Show ${Math.min(more, PAGE)} more of ${more}`, () => { openState.shown += PAGE; showIssue(issue.id); })] : []),
    );
    for (const shown of box.querySelectorAll("details")) if (wasOpen.has(shown.id) || shown.id === `ticket-${ticketId}`) shown.open = true;
    openState.goTo = ticketId ? `ticket-${ticketId}` : "";
    markOpened();
  }

  // Review: first in groups, each settled by one look; then one ticket at a time

  const unticked = new Set(queue.map((ticket) => ticket.id).filter(suspicious));
  const GROUPS = {
    disagrees: { title: (n, to) => [`${plural(n, "unsure ticket")} ${n === 1 ? "stands" : "stand"} elsewhere, the model meant `, to], yes: ["accept", "Accept: move ticked there"], no: ["confirm", "Ticked are right as they stand"] },
    belongs: { title: (n, to) => [`${plural(n, "unsure ticket")} probably ${n === 1 ? "belongs" : "belong"} to `, to], yes: ["accept", "Accept: move ticked there"], no: ["confirm", "Ticked are issues of their own", "It is an issue of its own"] },
    new: { title: (n) => [`${plural(n, "unsure ticket")} founded ${n === 1 ? "an issue of its own" : "issues of their own"}`], yes: ["confirm", "Ticked are issues of their own", "It is an issue of its own"], no: null },
    agrees: { title: (n, to) => [`${plural(n, "unsure ticket")} ${n === 1 ? "stands" : "stand"} where the model meant: `, to], yes: ["confirm", "Confirm ticked"], no: null },
    no_problem: { title: (n) => [`${plural(n, "ticket")} without a problem`], yes: ["ignore", "Ignore ticked"], no: ["confirm", "Ticked are issues all the same"] },
  };

  function decideAll(verb, ids) {
    const set = new Set(ids);
    const made = ids.map((id) => ticketAction(verb, tickets.get(id)));
    change([...actions.filter((other) => !set.has(other.ticket_id)), ...made], `${plural(ids.length, "ticket")} decided.`);
    show(true);
  }

  function groupRow(ticket, group) {
    const mine = ticketActionOf(ticket.id);
    const box = el("input", { type: "checkbox", checked: !unticked.has(ticket.id) && !mine, disabled: Boolean(mine), id: `tick-${ticket.id}`,
      onchange: (event) => (event.target.checked ? unticked.delete(ticket.id) : unticked.add(ticket.id)) });
    return el("li", {}, box, el("div", {}, el("label", { htmlFor: `tick-${ticket.id}` }, el("strong", {}, `#${ticket.id} `), el("span", { dir: "auto" }, ticket.said || ticket.subject || "(no words known)"),
      ticket.confidence === null ? "" : ` · ${ticket.confidence.toFixed(2)}`,
      group.issue_id && group.issue_id !== ticket.issue ? el("span", { className: "remark" }, issues.get(ticket.issue).tickets.length === 1 ? ` · now alone in ${ticket.issue}` : ` · now in ${ticket.issue} (${named(ticket.issue)})`) : null), " ", el("a", { href: `#review/${ticket.id}` }, "look"), tags(ticket).slice(ticket.flagged ? 1 : 0).flatMap((tag) => [" ", tag])));
  }

  const GROUP_ROWS = 30;
  function groupView(group) {
    const kind = GROUPS[group.question];
    const open = group.tickets.filter((id) => !ticketActionOf(id));
    const ordered = [...group.tickets.filter(suspicious), ...group.tickets.filter((id) => !suspicious(id))];
    const shownIds = ordered.slice(0, GROUP_ROWS);
    const beyond = ordered.slice(GROUP_ROWS);
    const left = beyond.filter((id) => unticked.has(id)).length;
    const ticked = () => open.filter((id) => !unticked.has(id));
    const act = (verb) => () => { const ids = ticked(); if (ids.length) decideAll(verb, ids); else say("Tick at least one ticket."); };
    const wording = ([, many, one]) => (one && group.tickets.length === 1 ? one : many);
    const target = issues.get(group.issue_id);
    return el("section", { className: open.length ? "panel group" : "panel group done" },
      el("h3", {}, ...kind.title(group.tickets.length, target ? issueLink(target.id) : "")),
      target && target.card.short_description ? el("p", { className: "remark", dir: "auto" }, target.card.short_description) : null,
      el("ul", { className: "ticks" }, shownIds.map((id) => groupRow(tickets.get(id), group))),
      beyond.length ? el("p", { className: "remark" }, `and ${beyond.length} more, ${left ? `of which ${beyond.length - left} are ticked` : "which are ticked too"}`) : null,
      open.some(suspicious) ? el("p", { className: "note" }, "Suspicious text: the ticket speaks to the model rather than to an agent. Look at it before you tick it.") : null,
      open.length ? el("div", { className: "buttons" },
        button(wording(kind.yes), act(kind.yes[0]), { className: open.every(suspicious) ? "" : "main" }),
        kind.no ? button(wording(kind.no), act(kind.no[0])) : null) : el("p", { className: "remark" }, "All decided."));
  }

  function pairView(pair) {
    const made = pairDecision(pair);
    const act = (verb) => () => { change([...actions, { action: verb, issue_ids: pair.ids }], "Kept."); show(true); };
    return el("section", { className: made ? "panel group done" : "panel group" },
      el("h3", {}, issueLink(pair.ids[0]), " and ", issueLink(pair.ids[1]), " may be one issue"),
      el("p", { className: "remark" }, `The model is ${pair.confidence.toFixed(2)} sure of that: too little to merge them by itself.`),
      el("div", { className: "why" }, pair.ids.map((id) => el("div", {}, el("p", { dir: "auto" }, issues.get(id).card.short_description || named(id)),
        el("p", { className: "remark", dir: "auto" }, `${plural(issues.get(id).tickets.length, "ticket")}. Fix: ${issues.get(id).card.resolution_steps[0] || "not recorded"}`)))),
      made ? el("p", { className: "remark" }, inWords(made)) : el("div", { className: "buttons" }, button("One issue: merge", act("merge")), button("Not the same", act("distinct"))));
  }

  const undoButton = (letter) => button(["Undo", letter ? key(letter) : ""], undo, { disabled: !past.length });
  function progress() {
    const count = decided();
    return [
      el("p", { id: "review-count" }, `${count} of ${plural(queue.length, "ticket")} decided`),
      el("progress", { className: "progress", max: queue.length, value: count, "aria-labelledby": "review-count" }),
    ];
  }

  function showGroups() {
    keys = { u: undo };
    const next = queue.find((ticket) => !ticketActionOf(ticket.id)) || queue[0];
    const head = () => [...progress(),
      el("div", { className: "buttons" }, el("a", { className: "button", href: `#review/${next.id}` }, "One by one"), undoButton("u"),
        actions.length ? el("a", { className: "button", href: "#decisions" }, "Export your decisions") : "")];
    $("review-body").replaceChildren(
      ...(next ? head() : [el("p", {}, data.pairs.length ? "No ticket is waiting for review." : "Nothing is waiting for review.")]),
      el("div", { className: "groups" }, data.groups.map(groupView), data.pairs.map(pairView)));
  }

  // One ticket at a time

  let position = 0;
  function option(issue, title, choice, chosen) {
    return el("section", { className: chosen ? "panel option chosen" : "panel option" },
      el("h4", {}, title), el("p", {}, el("strong", {}, issueLink(issue.id)), ` ${issue.id}, ${plural(issue.tickets.length, "ticket")}`),
      issue.card.short_description ? el("p", { dir: "auto" }, issue.card.short_description) : null,
      issue.card.root_cause ? el("p", { className: "remark", dir: "auto" }, `Cause: ${issue.card.root_cause}`) : null,
      el("div", { className: "buttons" }, choice));
  }

  const key = (letter) => el("kbd", { "aria-hidden": "true" }, letter);
  let keys = {};

  function go(to) {
    position = (to + queue.length) % queue.length;
    history.replaceState(null, "", `#review/${queue[position].id}`);
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
    const act = (verb, more) => () => { decide(verb, ticket, more); forward(); };
    const keyed = (label, letter, run, main) => { keys[letter] = run; return button([label, key(letter)], run, { className: main ? "main" : "" }); };
    keys = { ArrowRight: () => go(position + 1), ArrowLeft: () => go(position - 1), u: undo };
    const options = [option(issues.get(ticket.issue), "It stands in", keyed("Right as it stands", "c", act("confirm")), chose("confirm"))];
    if (ticket.meant && ticket.meant !== ticket.issue) {
      options.push(option(issues.get(ticket.meant), "The model meant", keyed("Take the suggestion", "a", act("accept"), !suspicious(ticket.id)), chose("accept")));
    }
    ticket.near.filter((id) => id !== ticket.meant && issues.has(id)).forEach((id, index) => {
      options.push(option(issues.get(id), "Looks alike", keyed("Move it here", String(index + 1), act("move", { target_issue_id: id })), chose("move", id)));
    });
    body.replaceChildren(
      ...progress(),
      el("div", { className: "buttons" },
        el("a", { className: "button", href: "#review" }, "In groups"),
        button(["Back", key("←")], () => go(position - 1)), button(["Later", key("→")], () => go(position + 1)), undoButton("u")),
      el("div", { className: "review-grid" },
        el("article", { className: "ticket-card", "aria-labelledby": "review-ticket" },
          el("h3", { id: "review-ticket", tabIndex: -1, dir: "auto" }, `#${ticket.id} ${ticket.subject || "(no subject known)"}`),
          ticketFacts(ticket), el("p", { className: "facts" }, tags(ticket)),
          ...section("Why", ticket.reason ? el("p", { dir: "auto" }, ticket.reason) : null),
          ...[ticket.meant ? null : meantText(ticket)].filter(Boolean),
          el("h4", {}, "Conversation"), conversationView(ticket)),
        el("div", { className: "options" }, options,
          el("section", { className: "panel option" }, el("h4", {}, "Or"), el("div", { className: "buttons" },
            keyed("Move elsewhere…", "m", () => askMove(ticket, forward)), keyed("New issue", "n", act("new")), keyed("Ignore", "i", act("ignore")))))),
    );
    if (focus) $("review-ticket").focus({ preventScroll: false });
  }

  document.addEventListener("keydown", (event) => {
    if ($("view-review").hidden) return;
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) && !event.target.closest("#dialog");  // one just closed keeps the focus
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
      button("Take back", () => { change(actions.filter((other) => other !== action), "Taken back."); show(); }, { "aria-label": `Take back: ${inWords(action)}` })));
    $("decisions-body").replaceChildren(
      storable ? "" : el("p", { className: "note" }, "This browser keeps nothing for this page: export before you close it."),
      actions.length ? el("ol", {}, rows) : el("p", {}, "None yet. Decide tickets under Review, or open an issue to edit, merge or split it."),
      el("div", { className: "buttons" },
        button("Export review.json", exportFile, { className: "main", disabled: !actions.length }),
        undoButton(),
        button("Take all back", () => { change([], "All taken back; Undo brings them again."); show(); }, { disabled: !actions.length })),
      actions.length ? el("p", {}, "They are kept in this browser. To put them into the database, export them, then run in the project's folder, with the path of the downloaded file: ", el("code", {}, data.command)) : "");
  }

  // Which part is shown follows the address, so that Back works and a link to an issue can be kept

  function show(stay) {
    const [place, query] = location.hash.slice(1).split("?");
    const [name, id] = place.split("/");
    let target = "";
    try { target = decodeURIComponent(id || ""); } catch { target = ""; }
    const view = name === "issue" || name === "ticket" ? "issues" : VIEWS.includes(name) ? name : "overview";
    for (const other of VIEWS) $(`view-${other}`).hidden = other !== view;
    for (const link of document.querySelectorAll("nav a")) markCurrent(link, link.dataset.view === view ? "page" : "");
    if (view === "issues") {
      const ticket = name === "ticket" ? tickets.get(Number(target)) : null;
      if (name === "issues" && stay !== true) {
        readFilters(query || "");
        listAddress = location.hash;
        openFirst(showList());
      } else {
        if (!$("issue-list").hasChildNodes()) showList();
        showIssue(ticket ? ticket.issue : name === "issue" ? target : opened || "", ticket ? ticket.id : 0);
      }
    }
    const one = view === "review" && Boolean(target) && queue.length > 0;
    if (one) {
      const place = queue.findIndex((ticket) => String(ticket.id) === target);
      position = place < 0 ? position : place;
      showReview();
    } else if (view === "review") showGroups();
    if (view === "decisions") showDecisions();
    if (stay !== true && show.ready) {
      const part = ["articles", "bugs", "outside"].includes(name) ? $(name) : null;
      const heading = part ? part : view === "issues" && opened && name !== "issues" ? $("issue-title") : one ? $("review-ticket") : $(`${view}-title`);
      window.scrollTo(0, 0);
      heading.focus();
      if (part) part.scrollIntoView();
    }
    if (stay !== true && name === "ticket" && openState.goTo && $(openState.goTo)) $(openState.goTo).scrollIntoView();
    show.ready = true;
  }

  function offer(id, values) {
    const counted = new Map();
    for (const value of values) if (value) counted.set(value, (counted.get(value) || 0) + 1);
    const names = [...counted.keys()].sort((a, b) => a.localeCompare(b));
    $(id).append(...names.map((name) => el("option", { value: name }, `${name} (${counted.get(name)})`)));
    $(id).closest("label").hidden = !names.length;
  }
  for (const id of ["area", "kind"]) offer(id, data.issues.map((issue) => issue[id]));
  offer("tag", data.tickets.flatMap((ticket) => ticket.tags));
  for (const id of ["type", "channel", "language"]) offer(id, data.tickets.map((ticket) => ticket[id]));
  if ($("copy-letter")) $("copy-letter").addEventListener("click", copyLetter);
  for (const copy of document.querySelectorAll("button.copy[data-issue]")) {
    const issue = issues.get(copy.dataset.issue);
    const isBug = copy.dataset.copy === "bug";
    copy.setAttribute("aria-label", `Copy ${isBug ? "the bug report" : "the article"}: ${named(issue.id)}`);
    copy.addEventListener("click", () => copyText(isBug ? bugText(issue) : articleText(issue)));
  }
  $("clear").addEventListener("click", clearFilters);
  $("all-issues").append(...data.issues.map((issue) => el("option", { value: `${issue.id} | ${issue.card.category}` })));
  let waiting = 0;
  $("filters").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(listAgain, 80); });
  $("filters").addEventListener("submit", (event) => { event.preventDefault(); listAgain(); });
  window.addEventListener("hashchange", () => show());
  load();
  position = Math.max(0, queue.findIndex((ticket) => !ticketActionOf(ticket.id)));
  countUp();
  show();
})();
