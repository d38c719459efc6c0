// The demo region's page: create a secret on the home page, read one under /secret/KEY.
"use strict";
const main = document.querySelector("main");
const region = document.documentElement.dataset.region;
const [, kind, key] = location.pathname.split("/");

function add(tag, text) {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  main.append(element);
  return element;
}

async function post(path, fields) {
  const answer = await fetch(path, { method: "POST", body: new URLSearchParams(fields) });
  return { ok: answer.ok, body: await answer.json() };
}

function reader() {
  const passphrase = add("input");
  passphrase.type = "password";
  passphrase.placeholder = "Passphrase, if there is one";
  const button = add("button", "Read the secret, once");
  const output = add("pre");
  button.onclick = async () => {
    const { ok, body } = await post(`/api/v1/secret/${encodeURIComponent(key)}`, {
      passphrase: passphrase.value,
    });
    output.textContent = ok ? body.value : body.message;
  };
}

function writer() {
  const secret = add("textarea");
  secret.placeholder = `A secret to keep in region ${region}`;
  const button = add("button", "Create a link");
  const output = add("p");
  button.onclick = async () => {
    const { ok, body } = await post("/api/v1/share", { secret: secret.value });
    if (!ok) {
      output.textContent = body.message;
      return;
    }
    const link = document.createElement("a");
    link.href = link.textContent = `${location.origin}/secret/${body.secret_key}`;
    output.replaceChildren(link);
  };
}

if (kind === "secret" && key) reader();
else if (!kind) writer();
