#include "inspect/syntax/capability_rules.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "inspect/syntax/capability_kinds.h"
#include "inspect/syntax/value.h"

namespace npmgate::code {
namespace {

struct PathSink {
  std::string_view path;
  Sink sink;
};

// Exactly these; node's documentation, MDN.
constexpr PathSink kPaths[] = {
    {"http.request", Sink::kNetwork},
    {"http.get", Sink::kNetwork},
    {"https.request", Sink::kNetwork},
    {"https.get", Sink::kNetwork},
    {"http.ClientRequest", Sink::kNetwork},
    {"http2.connect", Sink::kNetwork},
    {"net.connect", Sink::kNetwork},
    {"net.createConnection", Sink::kNetwork},
    {"net.Socket.connect", Sink::kNetwork},
    {"net.Socket().connect", Sink::kNetwork},
    {"net.Stream.connect", Sink::kNetwork},
    {"tls.connect", Sink::kNetwork},
    {"dgram.createSocket", Sink::kNetwork},
    {"fetch", Sink::kNetwork},
    {"XMLHttpRequest", Sink::kNetwork},
    {"XMLHttpRequest.open", Sink::kNetwork},
    {"WebSocket", Sink::kNetwork},
    {"EventSource", Sink::kNetwork},
    {"navigator.sendBeacon", Sink::kNetwork},
    {"RTCPeerConnection", Sink::kNetwork},
    {"importScripts", Sink::kNetwork},
    {"Bun.connect", Sink::kNetwork},
    {"Deno.connect", Sink::kNetwork},
    {"child_process.exec", Sink::kProcess},
    {"child_process.execSync", Sink::kProcess},
    {"child_process.execFile", Sink::kProcess},
    {"child_process.execFileSync", Sink::kProcess},
    {"child_process.spawn", Sink::kProcess},
    {"child_process.spawnSync", Sink::kProcess},
    {"child_process.fork", Sink::kProcess},
    {"child_process._forkChild", Sink::kProcess},
    {"child_process.ChildProcess.spawn", Sink::kProcess},
    {"binding:spawn_sync.spawn", Sink::kProcess},
    {"binding:process_wrap.Process", Sink::kProcess},
    {"Bun.spawn", Sink::kProcess},
    {"Bun.spawnSync", Sink::kProcess},
    {"Deno.Command", Sink::kProcess},
    {"Deno.run", Sink::kProcess},
    {"npm:execa", Sink::kProcess},
    {"npm:execa.execa", Sink::kProcess},
    {"npm:execa.command", Sink::kProcess},
    {"npm:execa.sync", Sink::kProcess},
    {"npm:execa.execaSync", Sink::kProcess},
    {"npm:execa.execaCommand", Sink::kProcess},
    {"npm:execa.execaCommandSync", Sink::kProcess},
    {"npm:cross-spawn", Sink::kProcess},
    {"npm:cross-spawn.spawn", Sink::kProcess},
    {"npm:cross-spawn.sync", Sink::kProcess},
    {"npm:shelljs.exec", Sink::kProcess},
    {"npm:zx.$", Sink::kProcess},
    {"npm:tinyexec.x", Sink::kProcess},
    {"npm:nano-spawn", Sink::kProcess},
    {"npm:open", Sink::kProcess},
    {"Bun.$", Sink::kProcess},
    {"eval", Sink::kEvaluate},
    {"Function", Sink::kEvaluateLast},
    {"GeneratorFunction", Sink::kEvaluateLast},
    {"AsyncFunction", Sink::kEvaluateLast},
    {"vm.runInThisContext", Sink::kEvaluate},
    {"vm.runInNewContext", Sink::kEvaluate},
    {"vm.runInContext", Sink::kEvaluate},
    {"vm.Script", Sink::kEvaluate},
    {"vm.compileFunction", Sink::kEvaluate},
    {"vm.SourceTextModule", Sink::kEvaluate},
    {"module._compile", Sink::kEvaluate},
    {"module.Module._compile", Sink::kEvaluate},
    {"module.prototype._compile", Sink::kEvaluate},
    {"module.Module.prototype._compile", Sink::kEvaluate},
    {"execScript", Sink::kEvaluate},
    {"binding:contextify.ContextifyScript", Sink::kEvaluate},
    {"module.register", Sink::kRunFile},
    {"module.load", Sink::kRunFile},
    {"module.Module.load", Sink::kRunFile},
    {"module.prototype.load", Sink::kRunFile},
    {"module.Module.prototype.load", Sink::kRunFile},
    {"cluster.setupPrimary", Sink::kRunFile},
    {"cluster.setupMaster", Sink::kRunFile},
    {"test.run", Sink::kRunFile},
    {"navigator.serviceWorker.register", Sink::kWorker},
    {"inspector.Session.post", Sink::kEvaluateLast},
    {"inspector.promises.Session.post", Sink::kEvaluateLast},
    {"worker_threads.Worker", Sink::kWorker},
    {"Worker", Sink::kWorker},
    {"SharedWorker", Sink::kWorker},
    {"setTimeout", Sink::kTimer},
    {"setInterval", Sink::kTimer},
    {"setImmediate", Sink::kTimer},
    {"timers.setTimeout", Sink::kTimer},
    {"timers.setInterval", Sink::kTimer},
    {"timers.promises.setTimeout", Sink::kTimer},
    {"timers.promises.setInterval", Sink::kTimer},
    {"process.dlopen", Sink::kNative},
    {"WebAssembly.instantiate", Sink::kNative},
    {"WebAssembly.compile", Sink::kNative},
    {"WebAssembly.Module", Sink::kNative},
    {"WebAssembly.Instance", Sink::kNative},
    {"WebAssembly.instantiateStreaming", Sink::kNative},
    {"WebAssembly.compileStreaming", Sink::kNative},
    {"Object.defineProperties", Sink::kSpread},
    {"Object.assign", Sink::kSpread},
    {"Object.setPrototypeOf", Sink::kSpread},
    {"Reflect.setPrototypeOf", Sink::kSpread},
    {"npm:axios.interceptors.request.use", Sink::kObserve},
    {"npm:axios.interceptors.response.use", Sink::kObserve},
    {"diagnostics_channel.subscribe", Sink::kObserve},
    {"document.write", Sink::kMarkup},
    {"document.writeln", Sink::kMarkup},
    {"Object.defineProperty", Sink::kDefine},
    {"Reflect.defineProperty", Sink::kDefine},
    {"Reflect.set", Sink::kDefine},
    {"navigator.clipboard.readText", Sink::kSpy},
    {"navigator.mediaDevices.getDisplayMedia", Sink::kSpy},
    {"os.hostname", Sink::kIdentity},
    {"os.userInfo", Sink::kIdentity},
    {"os.networkInterfaces", Sink::kIdentity},
    {"navigator.mediaDevices.getUserMedia", Sink::kSpy},
};

// Functions of fs, fs.promises and fs-extra, without Sync.
constexpr PathSink kFiles[] = {
    {"writeFile", Sink::kWrite},
    {"writeTextFile", Sink::kWrite},
    {"appendFile", Sink::kWrite},
    {"createWriteStream", Sink::kWrite},
    {"outputFile", Sink::kWrite},
    {"outputJson", Sink::kWrite},
    {"writeJson", Sink::kWrite},
    {"mkdir", Sink::kWrite},
    {"chmod", Sink::kWrite},
    {"truncate", Sink::kWrite},
    {"copyFile", Sink::kWriteSecond},
    {"cp", Sink::kWriteSecond},
    {"copy", Sink::kWriteSecond},
    {"rename", Sink::kWriteSecond},
    {"symlink", Sink::kWriteSecond},
    {"link", Sink::kWriteSecond},
    {"move", Sink::kWriteSecond},
    {"readFile", Sink::kRead},
    {"readTextFile", Sink::kRead},
    {"createReadStream", Sink::kRead},
    {"open", Sink::kRead},
    {"readdir", Sink::kRead},
    {"exists", Sink::kRead},
    {"access", Sink::kRead},
    {"stat", Sink::kRead},
    {"lstat", Sink::kRead},
    {"readJson", Sink::kRead},
    {"readJSON", Sink::kRead},
    {"opendir", Sink::kRead},
    {"openAsBlob", Sink::kRead},
    {"unlink", Sink::kRemove},
    {"rm", Sink::kRemove},
    {"rmdir", Sink::kRemove},
    {"remove", Sink::kRemove},
    {"emptyDir", Sink::kRemove},
};

// Modules that are there to ask servers: whatever is called of them does.
constexpr auto kClients = std::to_array<std::string_view>({"npm:axios",
                                                           "npm:got",
                                                           "npm:node-fetch",
                                                           "npm:undici",
                                                           "npm:request",
                                                           "npm:superagent",
                                                           "npm:needle",
                                                           "npm:ws",
                                                           "npm:cross-fetch",
                                                           "npm:phin",
                                                           "npm:bent",
                                                           "npm:socket.io-client",
                                                           "npm:isomorphic-fetch",
                                                           "npm:ky",
                                                           "npm:ofetch",
                                                           "npm:request-promise",
                                                           "npm:node-telegram-bot-api",
                                                           "npm:telegraf",
                                                           "npm:discord-webhook-node",
                                                           "npm:ssh2",
                                                           "npm:ftp",
                                                           "npm:basic-ftp",
                                                           "npm:nodemailer",
                                                           "npm:mqtt",
                                                           "npm:urllib",
                                                           "npm:follow-redirects",
                                                           "npm:centra",
                                                           "npm:simple-get",
                                                           "npm:make-fetch-happen",
                                                           "npm:minipass-fetch"});

constexpr auto kSpies = std::to_array<std::string_view>(
    {"npm:iohook", "npm:uiohook-napi", "npm:node-global-key-listener", "npm:screenshot-desktop",
     "npm:robotjs", "npm:clipboardy", "npm:copy-paste", "npm:gkm", "npm:node-key-sender",
     "npm:desktop-screenshot"});
constexpr auto kNatives =
    std::to_array<std::string_view>({"npm:ffi-napi", "npm:ffi", "npm:koffi", "npm:ref-napi",
                                     "bun:ffi", "npm:edge-js", "npm:frida"});

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

Sink sink_of_file(std::string_view name) {
  if (name.ends_with("Sync")) name.remove_suffix(4);
  for (const auto& row : kFiles)
    if (row.path == name) return row.sink;
  return Sink::kNone;
}

bool asks(std::string_view path) {
  for (const auto client : kClients) {
    if (!path.starts_with(client)) continue;
    auto rest = path.substr(client.size());
    if (rest.starts_with("/") || rest.starts_with("-")) continue;
    if (rest.empty()) return true;
    for (const auto quiet : {".create", ".extend", ".defaults", ".Agent", ".Server", ".isAxios",
                             ".interceptors", ".CancelToken", ".Headers", ".FormData", ".isCancel"})
      if (rest.starts_with(quiet) && rest.find("()") == rest.npos) return false;
    // What is called of an answer asks nobody again.
    const auto called = rest.find("()");
    return called == rest.npos || rest.substr(0, called) == ".create" ||
           rest.substr(0, called) == ".extend" || rest.substr(0, called) == ".defaults";
  }
  return false;
}

std::string lowered(std::string_view text) {
  std::string out = lower_ascii(text);
  std::replace(out.begin(), out.end(), '\\', '/');
  return out;
}

// `part` stands in the path as whole segments.
bool has_segments(std::string_view path, std::string_view part) {
  for (auto at = path.find(part); at != path.npos; at = path.find(part, at + 1)) {
    const bool starts =
        at == 0 || path[at - 1] == '/' || path[at - 1] == '~' || path[at - 1] == kHole;
    const auto end = at + part.size();
    if (starts && (end == path.size() || path[end] == '/' || part.ends_with('/') ||
                   path[end] == ' ' || path[end] == '"' || path[end] == '\''))
      return true;
  }
  return false;
}

template <std::size_t N>
std::string_view first_segments(std::string_view path,
                                const std::array<std::string_view, N>& list) {
  for (const auto part : list)
    if (has_segments(path, part)) return part;
  return {};
}

}  // namespace

std::span<const std::string_view> client_modules() {
  return kClients;
}

Sink sink_of(std::string_view path) {
  for (const auto prefix :
       {"fs.promises.", "fs.", "npm:fs-extra.", "npm:graceful-fs.", "binding:fs."})
    if (path.starts_with(prefix)) return sink_of_file(path.substr(std::string_view(prefix).size()));
  for (const auto& row : kPaths)
    if (row.path == path) return row.sink;
  if (path.starts_with("Deno.")) return sink_of_file(path.substr(5));
  if (path == "Bun.file") return Sink::kRead;
  if (path == "Bun.write") return Sink::kWrite;
  if (path.ends_with("Worklet.addModule")) return Sink::kWorker;
  if (path.ends_with(".insertAdjacentHTML")) return Sink::kMarkup;
  if (path.ends_with("__defineGetter__")) return Sink::kDefine;
  if (path.starts_with("require.extensions.") || path.starts_with("module._extensions.") ||
      path.starts_with("module.Module._extensions."))
    return Sink::kRunFile;
  if (path.starts_with("dns.")) {
    const auto name = path.substr(path.rfind('.') + 1);
    return name.starts_with("resolve") || name.starts_with("lookup") || name == "reverse"
               ? Sink::kDns
               : Sink::kNone;
  }
  if (path.ends_with("._compile")) return Sink::kEvaluate;
  if (path.starts_with("binding:tcp_wrap") || path.starts_with("binding:cares_wrap"))
    return Sink::kNetwork;
  if (path.starts_with("npm:shelljs/global")) return Sink::kProcess;
  return asks(path) ? Sink::kNetwork : sink_of_module(path.substr(0, path.find('.')));
}

bool is_telling(std::string_view word) {
  if (word.empty() || word.size() > 200) return false;
  if (word == "env" || word == "require" || word == "constructor" || word == "mainModule" ||
      word.starts_with("http") || !secret_file(word).empty() || is_secret_variable(word))
    return true;
  for (const auto prefix : {"child_process.", "http.", "fs.", "vm.", "os.", "net.", "dns.", ""})
    if (sink_of(std::string(prefix) + std::string(word)) != Sink::kNone) return true;
  for (const auto module : {"child_process", "https", "http", "http2", "net", "tls", "dgram", "dns",
                            "fs", "vm", "os", "worker_threads", "module"})
    if (word == module || (word.starts_with("node:") && word.substr(5) == module)) return true;
  return false;
}

Sink sink_of_module(std::string_view path) {
  if (contains(kSpies, path)) return Sink::kSpy;
  if (contains(kNatives, path)) return Sink::kNative;
  return Sink::kNone;
}

bool is_shared(std::string_view path) {
  constexpr auto kWhole = std::to_array<std::string_view>({"fetch",
                                                           "eval",
                                                           "XMLHttpRequest",
                                                           "WebSocket",
                                                           "JSON.parse",
                                                           "JSON.stringify",
                                                           "module._load",
                                                           "module.Module._load",
                                                           "module._resolveFilename",
                                                           "module.wrap",
                                                           "process.emit",
                                                           "process.dlopen",
                                                           "navigator.clipboard",
                                                           "ethereum",
                                                           "ethereum.request",
                                                           "ethereum.send",
                                                           "ethereum.sendAsync",
                                                           "module._cache",
                                                           "module.Module._cache",
                                                           "require.cache",
                                                           "solana",
                                                           "crypto.getRandomValues",
                                                           "Math.random",
                                                           "navigator.sendBeacon"});
  if (contains(kWhole, path)) return true;
  constexpr auto kPrefixes = std::to_array<std::string_view>({"http.",
                                                              "https.",
                                                              "http2.",
                                                              "net.",
                                                              "tls.",
                                                              "child_process.",
                                                              "fs.",
                                                              "dns.",
                                                              "crypto.",
                                                              "XMLHttpRequest.prototype.",
                                                              "WebSocket.prototype.",
                                                              "Array.prototype.",
                                                              "Object.prototype.",
                                                              "Function.prototype.",
                                                              "String.prototype.",
                                                              "Promise.prototype.",
                                                              "Response.prototype.",
                                                              "Request.prototype.",
                                                              "EventTarget.prototype.",
                                                              "HTMLFormElement.prototype.",
                                                              "Storage.prototype.",
                                                              "Document.prototype.",
                                                              "module.prototype.",
                                                              "module.Module.prototype.",
                                                              "module._extensions",
                                                              "module.Module._extensions",
                                                              "require.extensions",
                                                              "require.cache",
                                                              "navigator.clipboard.",
                                                              "console.",
                                                              "document.write",
                                                              "tronWeb.",
                                                              "tronLink.",
                                                              "phantom.",
                                                              "solana.",
                                                              "keplr.",
                                                              "unisat.",
                                                              "okxwallet.",
                                                              "BinanceChain.",
                                                              "ethereum.",
                                                              "events.prototype.",
                                                              "events.EventEmitter.prototype.",
                                                              "stream.Readable.prototype.",
                                                              "stream.Writable.prototype.",
                                                              "npm:axios.",
                                                              "npm:ethers.",
                                                              "npm:web3."});
  return std::any_of(kPrefixes.begin(), kPrefixes.end(), [&](std::string_view prefix) {
    // Tests on one's own call results are nobody else's.
    return path.starts_with(prefix) && path.find("()") == path.npos;
  });
}

std::string_view secret_file(std::string_view path) {
  static constexpr auto kNames =
      std::to_array<std::string_view>({".npmrc",
                                       ".yarnrc.yml",
                                       ".netrc",
                                       "_netrc",
                                       ".ssh",
                                       "id_rsa",
                                       "id_ed25519",
                                       "id_ecdsa",
                                       ".aws/credentials",
                                       ".aws",
                                       ".git-credentials",
                                       ".docker/config.json",
                                       ".kube/config",
                                       ".kube",
                                       ".config/gcloud",
                                       "application_default_credentials.json",
                                       ".azure",
                                       ".config/gh",
                                       ".pypirc",
                                       ".gem/credentials",
                                       ".cargo/credentials",
                                       ".terraform.d/credentials.tfrc.json",
                                       ".vault-token",
                                       ".gnupg",
                                       ".bash_history",
                                       ".zsh_history",
                                       ".config/solana",
                                       "solana/id.json",
                                       ".electrum",
                                       ".ethereum/keystore",
                                       "keystore",
                                       "wallet.dat",
                                       ".bitcoin",
                                       "exodus.wallet",
                                       "exodus",
                                       "atomic",
                                       "login data",
                                       "cookies.sqlite",
                                       "logins.json",
                                       "local extension settings",
                                       "local state",
                                       "key4.db",
                                       "login.keychain-db",
                                       "keychains",
                                       "google/chrome",
                                       ".mozilla",
                                       ".mozilla/firefox",
                                       "bravesoftware",
                                       ".claude.json",
                                       ".claude/.credentials.json",
                                       ".codex/auth.json",
                                       ".gemini/oauth_creds.json",
                                       "etc/shadow",
                                       "etc/passwd",
                                       "proc/self/environ",
                                       "proc/self/mem",
                                       "run/secrets",
                                       ".env",
                                       ".envrc",
                                       ".pgpass",
                                       ".my.cnf",
                                       ".config/rclone",
                                       ".s3cfg",
                                       ".boto",
                                       ".wrangler",
                                       ".vercel",
                                       ".netlify"});
  const auto low = lowered(path);
  const auto found = first_segments(low, kNames);
  // Ordinary words count in a home folder only.
  const bool home = low.starts_with('~') || low.find("appdata") != low.npos ||
                    low.find("library/application support") != low.npos ||
                    low.find(kHole) != low.npos;
  if ((found == "atomic" || found == "exodus" || found == "keystore" || found == "keychains") &&
      !home)
    return {};
  if ((found == ".env" || found == ".envrc") && !low.starts_with('~') &&
      !low.starts_with(kWorkRoot))
    return {};
  if (found == ".vercel" || found == ".netlify" || found == ".wrangler")
    if (!low.starts_with('~')) return {};
  return found;
}

bool is_secret_variable(std::string_view name) {
  if (name.size() < 3 || name.size() > 80) return false;
  constexpr auto kWhole = std::to_array<std::string_view>(
      {"NPM_TOKEN", "NODE_AUTH_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "GITLAB_TOKEN", "CI_JOB_TOKEN",
       "AWS_ACCESS_KEY_ID", "MNEMONIC", "SEED_PHRASE", "DATABASE_URL", "MONGODB_URI", "MONGO_URI",
       "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_RUNTIME_TOKEN",
       "SSH_AUTH_SOCK", "GOOGLE_APPLICATION_CREDENTIALS", "KUBECONFIG"});
  if (contains(kWhole, name)) return true;
  const auto ends = [&](std::string_view word) {
    return name == word || name.ends_with("_" + std::string(word));
  };
  return ends("TOKEN") || ends("SECRET") || ends("PASSWORD") || ends("PASSWD") || ends("API_KEY") ||
         ends("APIKEY") || ends("PRIVATE_KEY") || ends("SECRET_KEY") || ends("ACCESS_KEY") ||
         ends("CREDENTIALS") || ends("MNEMONIC") || ends("AUTH_TOKEN") ||
         name.find("SECRET_ACCESS_KEY") != name.npos;
}

std::string_view autorun_file(std::string_view path) {
  static constexpr auto kNames = std::to_array<std::string_view>({".claude",
                                                                  "claude.md",
                                                                  ".cursor",
                                                                  ".cursorrules",
                                                                  ".windsurf",
                                                                  ".windsurfrules",
                                                                  ".vscode/tasks.json",
                                                                  ".vscode/launch.json",
                                                                  ".vscode/settings.json",
                                                                  ".vscode/mcp.json",
                                                                  ".vscode",
                                                                  ".github/workflows",
                                                                  ".github/copilot-instructions.md",
                                                                  ".github/actions",
                                                                  ".git/hooks",
                                                                  ".husky",
                                                                  ".mcp.json",
                                                                  "agents.md",
                                                                  "gemini.md",
                                                                  ".gemini",
                                                                  ".codex",
                                                                  ".roo",
                                                                  ".clinerules",
                                                                  ".aider.conf.yml",
                                                                  ".idea",
                                                                  ".devcontainer",
                                                                  ".gitlab-ci.yml",
                                                                  ".circleci",
                                                                  ".envrc",
                                                                  ".kiro",
                                                                  ".junie",
                                                                  ".augment",
                                                                  ".continue",
                                                                  "claude_desktop_config.json",
                                                                  ".zed/tasks.json",
                                                                  ".git/config",
                                                                  ".gitconfig",
                                                                  "claude.local.md",
                                                                  "opencode.json",
                                                                  "opencode.jsonc",
                                                                  ".opencode",
                                                                  ".agent",
                                                                  ".agents",
                                                                  ".qwen",
                                                                  ".trae",
                                                                  ".amp",
                                                                  ".crush",
                                                                  ".factory",
                                                                  ".goosehints",
                                                                  ".zed",
                                                                  ".config/zed",
                                                                  "code/user",
                                                                  "cursor/user",
                                                                  ".fleet",
                                                                  "copilot-instructions.md",
                                                                  ".lefthook.yml",
                                                                  "lefthook.yml"});
  const auto low = lowered(path);
  if (low.ends_with(".code-workspace")) return ".code-workspace";
  return first_segments(low, kNames);
}

std::string_view persistent_file(std::string_view path) {
  static constexpr auto kNames = std::to_array<std::string_view>({".bashrc",
                                                                  ".bash_profile",
                                                                  ".zshrc",
                                                                  ".zprofile",
                                                                  ".zshenv",
                                                                  ".profile",
                                                                  ".config/autostart",
                                                                  ".config/systemd",
                                                                  "systemd/system",
                                                                  "launchagents",
                                                                  "launchdaemons",
                                                                  "cron.d",
                                                                  "crontab",
                                                                  "etc/profile.d",
                                                                  "start menu/programs/startup",
                                                                  "programs/startup",
                                                                  ".config/fish",
                                                                  "windowspowershell/profile.ps1",
                                                                  "etc/rc.local",
                                                                  "etc/init.d",
                                                                  ".pam_environment",
                                                                  "authorized_keys",
                                                                  ".ssh/rc",
                                                                  "etc/ld.so.preload",
                                                                  ".vimrc",
                                                                  ".config/nvim",
                                                                  ".tmux.conf",
                                                                  ".inputrc",
                                                                  ".login",
                                                                  ".config/environment.d",
                                                                  "app.asar",
                                                                  ".npmrc",
                                                                  ".yarnrc.yml"});
  const auto low = lowered(path);
  // Another package, wherever it is installed. Dot folders are caches.
  constexpr std::string_view kModules = "node_modules/";
  const bool beside = low.starts_with(std::string(kOwnRoot) + "/../");
  const auto at = beside ? low.size() : low.rfind(kModules);
  if (beside || (at != low.npos && low.starts_with(kWorkRoot) &&
                 at + kModules.size() < low.size() && low[at + kModules.size()] != '.'))
    return "another package";
  return first_segments(low, kNames);
}

std::string url_host(std::string_view text) {
  const auto scheme = text.find("://");
  if (scheme == text.npos) return {};
  const auto name = text.substr(0, scheme);
  const bool fitting = name.ends_with("http") || name.ends_with("https") || name.ends_with("ws") ||
                       name.ends_with("wss") || name.ends_with("ftp") || name.ends_with("tcp") ||
                       name.ends_with("ssl") || (!name.empty() && name.back() == kHole);
  if (!fitting) return {};
  auto host = text.substr(scheme + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  return host_of(host);
}

std::string host_of(std::string_view text) {
  if (text.find("://") != text.npos) return url_host(text);
  text = text.substr(0, text.find_first_of("/?# "));
  if (const auto at = text.rfind('@'); at != text.npos) text.remove_prefix(at + 1);
  if (!text.starts_with('[')) text = text.substr(0, text.find(':'));
  const auto hole = text.rfind(kHole);
  std::string out;
  if (hole != text.npos) {
    text.remove_prefix(hole + 1);
    if (!text.starts_with('.') || text.find('.', 1) == text.npos) {
      if (text.size() < 3 || !text.starts_with('.')) return {};
    }
    out = "*";
  }
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool fits = std::isalnum(byte) != 0 || c == '.' || c == '-' || c == '_' || c == ':' ||
                      c == '[' || c == ']';
    if (!fits) return {};
    out += lower_ascii(c);
  }
  if (out.size() > 253 || out.find('.') == out.npos) {
    if (out.find(':') == out.npos) return {};
  }
  while (out.ends_with('.')) out.pop_back();
  return out;
}

}  // namespace npmgate::code
