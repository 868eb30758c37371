// Makes the pages a little smoother. Without it all of them work the same.

// Copy buttons are shown only where copying works: over TLS, or on this machine.
if (navigator.clipboard) {
  const copies = (button, source) => {
    const words = button.textContent;
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(source.textContent);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Select it and copy by hand";
      }
      setTimeout(() => { button.textContent = words; }, 2000);
    });
  };
  for (const button of document.querySelectorAll("[data-copies]")) {
    button.hidden = false;
    copies(button, document.getElementById(button.dataset.copies));
  }
  for (const example of document.querySelectorAll("pre[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy: ${example.getAttribute("aria-label")}`);
    example.after(button);
    copies(button, example);
  }
}

// The whole of a text that is cut off, for the pointer. Without this it is shown where the keyboard's focus is.
document.addEventListener("pointerover", ({ target }) => {
  const cut = target.closest(".clip, td code, .narrow-only");
  if (!cut || cut.closest("[title]")) return;
  if (cut.scrollWidth > cut.clientWidth || cut.scrollHeight > cut.clientHeight) cut.title = cut.textContent;
});

// A choice that needs no further word submits its form; its button is for those without scripts, and for the keyboard, whose
// arrows pass other choices on their way.
for (const select of document.querySelectorAll("select[data-submits]")) {
  const button = select.form.querySelector("button");
  button.hidden = true;
  select.addEventListener("keydown", (event) => { if (event.key !== "Tab") button.hidden = false; });
  select.addEventListener("change", () => { if (button.hidden) select.form.submit(); });
}

// A password can be looked at while it is typed; it is sent, and stored by the browser, as a password.
for (const field of document.querySelectorAll("input[type=password]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "shows";
  const show = (is_shown) => {
    field.type = is_shown ? "text" : "password";
    button.textContent = is_shown ? "Hide" : "Show";
    button.setAttribute("aria-label", `${button.textContent}: ${field.labels[0].textContent}`);
  };
  show(false);
  button.addEventListener("click", () => { show(field.type === "password"); });
  field.form.addEventListener("submit", () => { show(false); });
  field.after(button);
}

// Where a password can be looked at, it is typed once.
for (const again of document.querySelectorAll("input[name=again]")) {
  again.closest(".field").hidden = true;
  again.form.addEventListener("submit", () => { again.value = again.form.elements.new_password.value; });
  again.required = false;
}

// A form is sent once, however often its button is pressed.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
}
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

// An upload shows how far it is. Without this the form sends the same.
for (const form of document.querySelectorAll("form[data-uploads]")) {
  const [file, words, button] = ["[type=file]", "[data-progress]", "button"].map((wanted) => form.querySelector(wanted));
  const error = form.querySelector(".error");
  const stop = (why) => {
    error.textContent = why;
    words.hidden = true;
    button.disabled = false;
    delete form.dataset.sent;
  };
  file.addEventListener("change", () => { error.textContent = ""; });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (button.disabled) return;
    error.textContent = "";
    if (file.files[0] && file.files[0].size > Number(form.dataset.uploads)) {
      stop("The file is over 200 MB. Export fewer days at once.");
      return;
    }
    button.disabled = true;
    words.hidden = false;
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.upload.addEventListener("progress", (sent) => {
      const percent = Math.floor((sent.loaded / sent.total) * 100);
      words.textContent = percent < 100 ? `${percent} % sent` : "Sent. Reading the file";
    });
    request.addEventListener("load", () => {
      if (request.status < 400) {
        location.assign(request.responseURL);
        return;
      }
      const page = new DOMParser().parseFromString(request.responseText, "text/html");
      stop((page.querySelector("#file-error") || page.querySelector("main p") || page.body).textContent.trim());
    });
    request.addEventListener("error", () => stop("The upload broke off. Send it once more."));
    request.send(new FormData(form));
  });
}
