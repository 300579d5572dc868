// The theme, and everything set going.

const systemDark = matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : systemDark.matches;
}

function showTheme() {
  document.getElementById("theme").textContent = isDark() ? "Switch to light" : "Switch to dark";
  redraw();
}

function startTheme() {
  document.getElementById("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    showTheme();
  });
  systemDark.addEventListener("change", showTheme);
  showTheme();
}

document.documentElement.classList.add("scripted");
for (const rest of document.querySelectorAll(".rest")) rest.open = !matchMedia("(max-width: 600px)").matches;
document.querySelector("nav details").open = matchMedia("(min-width: 1100px)").matches;
startTheme();
startTables();
startValues();
startCharts();
startPaper();
