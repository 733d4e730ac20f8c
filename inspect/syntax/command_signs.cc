// What a command line does beyond being started: tables and tests on its words.
#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "inspect/syntax/capability_kinds.h"
#include "inspect/syntax/capability_rules.h"

namespace npmgate::code {
namespace {

bool word_in(std::string_view text, std::string_view word) {
  for (auto at = text.find(word); at != text.npos; at = text.find(word, at + 1)) {
    const auto end = at + word.size();
    const auto is_word = [](char c) {
      return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
    };
    if ((at == 0 || !is_word(text[at - 1])) && (end == text.size() || !is_word(text[end])))
      return true;
  }
  return false;
}

bool pipes_to_shell(std::string_view text) {
  for (auto at = text.find('|'); at != text.npos; at = text.find('|', at + 1)) {
    auto rest = text.substr(at + 1);
    while (!rest.empty() && rest[0] == ' ') rest.remove_prefix(1);
    if (rest.starts_with("sudo ")) rest.remove_prefix(5);
    const auto slash = rest.substr(0, rest.find(' ')).rfind('/');
    if (slash != rest.npos) rest.remove_prefix(slash + 1);
    const auto word = rest.substr(0, rest.find_first_of(" ;&|\"')"));
    for (const auto shell :
         {"sh", "bash", "zsh", "dash", "node", "python", "python3", "perl", "iex", "ruby", "bun"})
      if (word == shell) return true;
  }
  for (const auto sign : {"$(curl", "`curl", "<(curl", "$(wget", "`wget", "iex(", "iex (",
                          "invoke-expression", "downloadstring"})
    if (text.find(sign) != text.npos) return true;
  return false;
}

// curl -o x https://…; sh x
bool runs_download(std::string_view text) {
  if (text.find("curl ") == text.npos && text.find("wget ") == text.npos &&
      text.find("invoke-webrequest") == text.npos)
    return false;
  for (const auto sign : {"chmod +x", "chmod 7", "&& ./", "; ./", "&& sh ", "; sh ", "&& bash ",
                          "; bash ", "&& node ", "; node ", "start-process", "&& python"})
    if (text.find(sign) != text.npos) return true;
  return false;
}

bool writes_file(std::string_view text) {
  if (text.find('>') != text.npos) return true;
  for (const auto program : {"cp", "mv", "tee", "install", "ln", "rsync", "copy", "xcopy", "curl"})
    if (word_in(text, program)) return true;
  return false;
}

}  // namespace

std::vector<CommandSign> command_signs(std::string_view command) {
  std::vector<CommandSign> out;
  std::string text = lower_ascii(command);
  std::replace(text.begin(), text.end(), '\\', '/');
  if (pipes_to_shell(text)) out.push_back({kProcessHidden, "piped to a shell"});
  if (runs_download(text)) out.push_back({kProcessHidden, "downloaded and run"});
  for (const auto sign :
       {"powershell -e", "powershell.exe -e", "-encodedcommand", "-executionpolicy bypass",
        "mshta ", "regsvr32", "rundll32", "certutil -", "bitsadmin", "/dev/tcp/"})
    if (text.find(sign) != text.npos) out.push_back({kProcessHidden, sign});
  for (const auto sign : {"whoami", "hostname", "ifconfig", "ipconfig"})
    if (word_in(text, sign)) out.push_back({kMachine, sign});
  struct Pair {
    std::string_view program, option;
  };
  constexpr Pair kAgents[] = {{"claude", "--dangerously-skip-permissions"},
                              {"claude", "--permission-mode"},
                              {"gemini", "--yolo"},
                              {"gemini", "-y"},
                              {"q", "--trust-all-tools"},
                              {"codex", "--full-auto"},
                              {"codex", "--dangerously-bypass-approvals-and-sandbox"},
                              {"codex", "--yolo"},
                              {"cursor-agent", "--force"},
                              {"aider", "--yes-always"},
                              {"copilot", "--allow-all-tools"},
                              {"opencode", "--yolo"},
                              {"codex", "danger-full-access"},
                              {"gemini", "--approval-mode"},
                              {"qwen", "--yolo"},
                              {"qwen", "-y"},
                              {"crush", "-y"},
                              {"droid", "--auto"},
                              {"copilot", "--allow-all-paths"},
                              {"amp", "--dangerously-allow-all"}};
  for (const auto& [program, option] : kAgents)
    if (word_in(text, program) && text.find(option) != text.npos)
      out.push_back({kAgentCommand, std::string(program)});
  // Whatever the program is called.
  const bool named = std::any_of(
      out.begin(), out.end(), [](const CommandSign& sign) { return sign.kind == kAgentCommand; });
  if (!named && (text.find("--dangerously-skip-permissions") != text.npos ||
                 text.find("--dangerously-bypass-approvals") != text.npos))
    out.push_back({kAgentCommand, "without permissions"});
  for (const auto agent : {"claude -p", "claude --print", "gemini -p", "codex exec",
                           "cursor-agent -p", "q chat", "qwen -p", "goose run", "opencode run",
                           "copilot -p", "amp -x", "droid exec", "auggie --print", "crush run"})
    if (word_in(text, agent)) out.push_back({kAgentCommand, std::string(agent)});
  for (const auto sign :
       {"npm publish", "npm token", "npm owner", "npm access", "yarn publish", "yarn npm publish",
        "pnpm publish", "bun publish", "npm whoami", "npm adduser"})
    if (word_in(text, sign)) out.push_back({kPublish, sign});
  for (const auto sign :
       {"crontab", "systemctl enable", "launchctl load", "launchctl bootstrap", "schtasks",
        "currentversion/run", "update-rc.d", "loginctl enable-linger", "register-scheduledtask",
        "new-scheduledtask", "| at now", "sc create ", "core.hookspath"})
    if (text.find(sign) != text.npos) out.push_back({kPersist, sign});
  for (const auto sign : {"rm -rf ~", "rm -rf /", "rm -rf $home", "del /f /s /q", "rd /s /q c:",
                          "format c:", "cipher /w", "shred -", "mkfs", "dd if=/dev/zero"})
    if (text.find(sign) != text.npos) out.push_back({kDestroy, sign});
  for (const auto sign : {"xmrig", "stratum+tcp", "stratum+ssl", "minerd", "cpuminer"})
    if (text.find(sign) != text.npos) out.push_back({kMining, sign});
  if (text.find("ld_preload") != text.npos || text.find("dyld_insert_libraries") != text.npos)
    out.push_back({kNativeCode, "LD_PRELOAD"});
  if (const auto file = persistent_file(text); !file.empty() && text.find('>') != text.npos)
    out.push_back({kPersist, std::string(file)});
  if (const auto file = autorun_file(text); !file.empty() && writes_file(text))
    out.push_back({kAutorun, std::string(file)});
  if (const auto file = secret_file(text); !file.empty())
    out.push_back({kSecrets, std::string(file)});
  if (word_in(text, "printenv") || text == "env" || text.find("env |") != text.npos ||
      text.find("set |") != text.npos)
    out.push_back({kEnvironment, "printenv"});
  return out;
}

}  // namespace npmgate::code
