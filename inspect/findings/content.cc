// What the files hold that the baseline's do not: native code, obfuscation, hosts, access to
// secrets.
#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <unordered_set>

#include "base/text.h"
#include "inspect/findings/detector.h"

namespace npmgate::detect {
namespace {

// Thresholds between what ordinary builds ship and what the recorded incidents shipped. Minifiers
// write long lines of plain identifiers (entropy about 5.2 to 5.5); base64 has 6 bits per byte,
// packed bytes near 8.
constexpr std::uint32_t kObfuscatorNames = 20;
constexpr std::uint32_t kHexEscapes = 500;
constexpr std::uint64_t kHexShare = 4;  // a quarter of the file, at four bytes an escape
constexpr std::uint32_t kLongLine = 20'000;
constexpr double kEncodedEntropy = 5.8;
constexpr double kPackedEntropy = 7.0;
constexpr std::uint64_t kPackedSize = 4096;  // below, entropy says little
constexpr std::uint32_t kLongLiteral = 4096;
constexpr std::uint32_t kEvaluatedLiteral = 1000;
constexpr std::uint32_t kEvaluatedShort = 400;  // if it is a quarter of the file or more
constexpr std::uint64_t kDataShare = 4;
// Measured: no line of 38,812 published files has code behind so many blanks; the worst 1,500 bytes
// of 99.9 % of them stay below 8.99 bits a pair, shuffle loaders have 9.7 to 9.9, js-confuser 8.7
// to 9.7. Of 64 characters in a row, joiners of scripts that need them are at most one in six.
constexpr std::uint32_t kHiddenBlanks = 150;
constexpr std::uint32_t kImprobable = 915, kSuspicious = 900, kStep = 20;  // hundredths of a bit
constexpr std::uint32_t kOddCharacters = 24;
constexpr std::uint32_t kSymbolRun = 200;
// Bundles above this hold decoders of somebody; a module that builds its text from codes hides it.
constexpr std::uint64_t kOneModule = 512 * 1024;

// "What was there before" covers up to twice as much: files grow.
bool beyond(std::uint32_t now, std::uint32_t before) {
  return static_cast<std::uint64_t>(now) > std::uint64_t{2} * before;
}

std::string decimal(double value) {
  const auto tenths = static_cast<long>(std::lround(value * 10));
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

using Digests = std::unordered_set<std::string_view>;
Digests digests_of(const Tree* tree) {
  Digests digests;
  if (tree == nullptr) return digests;
  for (const FileFacts& file : tree->files) digests.insert(file.sha256);
  return digests;
}

// Files whose bytes the baseline does not have under any name.
std::vector<const FileFacts*> new_files(const Comparison& sides) {
  const Digests known = digests_of(sides.before_tree);
  std::vector<const FileFacts*> files;
  for (const FileFacts& file : sides.tree->files) {
    if (!known.contains(file.sha256)) files.push_back(&file);
  }
  return files;
}

CodeLimits limits_before(const Comparison& sides) {
  return sides.before_tree != nullptr ? measure_limits(*sides.before_tree) : CodeLimits{};
}

// IPv4 blocks that lead nowhere (IANA special-purpose registry: this network, loopback, IETF
// protocol assignments, multicast and above): tables of address libraries. Private and link-local
// addresses are places one can connect to.
bool is_reserved_address(std::string_view host) {
  static constexpr auto kBlocks = std::to_array<std::string_view>({"0.", "127.", "192.0.0."});
  if (host.find_first_not_of("0123456789.") != host.npos) return false;
  if (std::any_of(kBlocks.begin(), kBlocks.end(),
                  [&](std::string_view block) { return host.starts_with(block); }))
    return true;
  const auto dot = host.find('.');
  return dot == 3 && host.substr(0, 3) >= "224" && host.substr(0, 3) <= "255";
}

bool is_address(std::string_view host) {
  if (host.find(':') != host.npos) return true;
  return !host.empty() && host.find_first_not_of("0123456789.") == host.npos;
}

// Services that take data from anyone: the words such hosts are named with.
bool takes_from_anyone(std::string_view host) {
  static constexpr std::string_view kWords[] = {"webhook", "hooks.",   "paste",  "tunnel",
                                                "ngrok",   "bin.",     "collab", "telegram",
                                                "discord", "transfer", ".onion", "interact"};
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [&](std::string_view word) { return host.find(word) != host.npos; });
}

std::string_view last_two_labels(std::string_view host) {
  auto dot = host.rfind('.');
  if (dot != host.npos && dot > 0) dot = host.rfind('.', dot - 1);
  return dot == host.npos ? host : host.substr(dot + 1);
}

// Below these anybody gets a host of their own (from the private part of publicsuffix.org's list,
// those that packages name most), and below "co.uk" and its kind.
bool is_shared_site(std::string_view site) {
  static constexpr auto kSites = std::to_array<std::string_view>({"amazonaws.com",
                                                                  "appspot.com",
                                                                  "azurewebsites.net",
                                                                  "azureedge.net",
                                                                  "b-cdn.net",
                                                                  "blogspot.com",
                                                                  "cloudflarestorage.com",
                                                                  "cloudfront.net",
                                                                  "cloudfunctions.net",
                                                                  "deno.dev",
                                                                  "digitaloceanspaces.com",
                                                                  "duckdns.org",
                                                                  "firebaseapp.com",
                                                                  "firebaseio.com",
                                                                  "fly.dev",
                                                                  "github.io",
                                                                  "gitlab.io",
                                                                  "glitch.me",
                                                                  "googleapis.com",
                                                                  "herokuapp.com",
                                                                  "linodeobjects.com",
                                                                  "netlify.app",
                                                                  "no-ip.org",
                                                                  "now.sh",
                                                                  "ondigitalocean.app",
                                                                  "onrender.com",
                                                                  "pages.dev",
                                                                  "r2.dev",
                                                                  "railway.app",
                                                                  "repl.co",
                                                                  "replit.app",
                                                                  "run.app",
                                                                  "sslip.io",
                                                                  "supabase.co",
                                                                  "surge.sh",
                                                                  "vercel.app",
                                                                  "web.app",
                                                                  "windows.net",
                                                                  "workers.dev"});
  if (std::find(kSites.begin(), kSites.end(), site) != kSites.end()) return true;
  static constexpr auto kSecond =
      std::to_array<std::string_view>({"ac", "co", "com", "edu", "gov", "net", "ne", "or", "org"});
  const auto dot = site.find('.');
  return dot != site.npos && site.size() - dot == 3 &&
         std::find(kSecond.begin(), kSecond.end(), site.substr(0, dot)) != kSecond.end();
}

std::map<std::string, std::set<std::string>> endpoints_of(const Tree& tree) {
  std::map<std::string, std::set<std::string>> hosts;  // host -> files
  for (const FileFacts& file : tree.files) {
    if (!file.code) continue;
    for (const std::string& host : file.code->endpoints) hosts[lower_ascii(host)].insert(file.path);
  }
  for (const HookReach& reach : tree.hooks) {
    for (const std::string& host : reach.endpoints)
      hosts[lower_ascii(host)].insert(reach.hook + " hook");
  }
  return hosts;
}

struct Access {
  std::string_view trait, words;
};
constexpr Access kAccess[] = {
    {"credential-paths", "reads credential files"}, {"ci-secrets", "reads CI secrets"},
    {"env-bulk", "reads the environment in bulk"},  {"wallet", "touches wallets"},
    {"decoded-eval", "evaluates decoded text"},     {"persistence", "makes itself persistent"},
    {"workflow-write", "writes CI workflows"},      {"npm-publish", "publishes packages"},
    {"destructive", "deletes recursively"},         {"hidden-text", "hides text"},
};

// Native code that every release builds again: told, since nobody can read what changed.
std::vector<Finding> native_changed(json::array files, const std::vector<std::string>& words,
                                    std::uint64_t before) {
  if (files.empty()) return {};
  json::object proof{{"baseline_natives", before}, {"changed", true}, {"informs_only", true}};
  put_list(proof, "files", std::move(files));
  return {make("native-binary-added", Severity::kInfo, "tarball",
               "native code with other bytes: " + join(words, ", ", 3), std::move(proof))};
}

// What a reader of the file is kept from seeing (hidden_text.h).
void add_hidden(const CodeFeatures& code, const CodeLimits& before, std::vector<Indicator>& out) {
  if (code.hidden_blanks >= kHiddenBlanks && before.hidden_blanks < kHiddenBlanks) {
    out.push_back({"hidden-blanks", "code behind " + std::to_string(code.hidden_blanks) + " blanks",
                   code.hidden_blanks, true});
  }
  const bool improbable = code.bigram_entropy >= kImprobable;
  if (code.bigram_entropy >= kSuspicious && code.bigram_entropy > before.bigram_entropy + kStep) {
    const double bits = code.bigram_entropy / 100.0;
    out.push_back({"improbable-text", "text of " + decimal(bits) + " bits a pair", bits,
                   improbable && before.bigram_entropy < kSuspicious});
  }
  if (code.odd_density >= kOddCharacters && before.odd_density < kOddCharacters) {
    out.push_back({"odd-characters",
                   std::to_string(code.odd_density) + " of 64 characters that nobody sees",
                   code.odd_density, true});
  }
  if (code.symbol_run >= kSymbolRun && before.symbol_run < kSymbolRun) {
    out.push_back({"symbol-run", std::to_string(code.symbol_run) + " signs without a word",
                   code.symbol_run, true});
  }
  if (code.mixed_names > 0 && before.mixed_names == 0) {
    out.push_back({"mixed-names", std::to_string(code.mixed_names) + " names in mixed scripts",
                   code.mixed_names, false});
  }
}

std::string describe(const FileFacts& file, const std::vector<Indicator>& indicators) {
  std::vector<std::string> words;
  words.reserve(indicators.size());
  for (const Indicator& indicator : indicators) words.push_back(indicator.words);
  return file.path + " has " + join(words, ", ", 4);
}

}  // namespace

// XML namespaces and schema ids: names that no code ever connects to; and the reserved
// documentation hosts of RFC 2606, and this machine (RFC 6761).
bool names_nothing(std::string_view host) {
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"0.0.0.0", "127.0.0.1", "::1", "[::1]", "example.com", "example.net", "example.org",
       "json-schema.org", "localhost", "schema.org", "www.example.com", "www.w3.org"});
  return std::find(kNames.begin(), kNames.end(), host) != kNames.end() ||
         host.ends_with(".localhost") || is_reserved_address(host);
}

CodeLimits measure_limits(const Tree& tree) {
  CodeLimits limits;
  for (const FileFacts& file : tree.files) {
    if (!file.code) continue;
    const CodeFeatures& code = *file.code;
    if (file.size >= kPackedSize) limits.entropy = std::max(limits.entropy, code.entropy);
    limits.longest_line = std::max(limits.longest_line, code.longest_line);
    limits.hex_escapes = std::max(limits.hex_escapes, code.hex_escapes);
    limits.obfuscator_names = std::max(limits.obfuscator_names, code.obfuscator_names);
    limits.longest_literal = std::max(limits.longest_literal, code.longest_literal);
    limits.hidden_blanks = std::max(limits.hidden_blanks, code.hidden_blanks);
    limits.bigram_entropy = std::max(limits.bigram_entropy, code.bigram_entropy);
    limits.odd_density = std::max(limits.odd_density, code.odd_density);
    limits.mixed_names = std::max(limits.mixed_names, code.mixed_names);
    limits.symbol_run = std::max(limits.symbol_run, code.symbol_run);
    limits.traits.insert(code.traits.begin(), code.traits.end());
    for (const std::string& host : code.endpoints) limits.endpoints.insert(lower_ascii(host));
  }
  for (const HookReach& reach : tree.hooks) {
    limits.traits.insert(reach.traits.begin(), reach.traits.end());
    for (const std::string& host : reach.endpoints) limits.endpoints.insert(lower_ascii(host));
  }
  return limits;
}

std::vector<Indicator> obfuscation(const FileFacts& file, const CodeLimits& before) {
  std::vector<Indicator> out;
  if (!file.code) return out;
  const CodeFeatures& code = *file.code;
  const auto gained = [&](std::string_view trait) {
    return has_trait(code.traits, trait) && !before.traits.contains(trait);
  };
  const auto number = [](std::uint32_t value) { return std::to_string(value); };
  if (code.obfuscator_names >= kObfuscatorNames &&
      beyond(code.obfuscator_names, before.obfuscator_names)) {
    out.push_back({"obfuscator-names", number(code.obfuscator_names) + " obfuscator names",
                   code.obfuscator_names, true});
  }
  add_hidden(code, before, out);
  if (gained("string-array"))
    out.push_back({"string-array", "a packed or rotated string array", true, true});
  if (gained("hidden-text")) out.push_back({"hidden-text", "invisible characters", true, true});
  const bool new_literal = beyond(code.longest_literal, before.longest_literal);
  const bool mostly_data = std::uint64_t{code.longest_literal} * kDataShare >= file.size;
  if (has_trait(code.traits, "decoded-eval") &&
      code.longest_literal >= (mostly_data ? kEvaluatedShort : kEvaluatedLiteral) &&
      (new_literal || gained("decoded-eval"))) {
    out.push_back({"decoded-eval", "decoded text that is evaluated", code.longest_literal, true});
  }
  if (code.entropy >= kPackedEntropy && file.size >= kPackedSize &&
      before.entropy < kPackedEntropy) {
    out.push_back({"entropy", "entropy " + decimal(code.entropy), code.entropy, true});
  }
  if (gained("char-codes")) {
    out.push_back({"char-codes", "text built from character codes", true, file.size <= kOneModule});
  }
  if (code.hex_escapes >= kHexEscapes &&
      std::uint64_t{code.hex_escapes} * 4 * kHexShare >= file.size &&
      beyond(code.hex_escapes, before.hex_escapes)) {
    out.push_back(
        {"hex-escapes", number(code.hex_escapes) + " hex escapes", code.hex_escapes, false});
  }
  if (code.longest_literal >= kLongLiteral && new_literal) {
    out.push_back({"encoded-literal",
                   "an encoded literal of " + number(code.longest_literal) + " bytes",
                   code.longest_literal, false});
  }
  if (code.longest_line >= kLongLine && code.entropy >= kEncodedEntropy &&
      beyond(code.longest_line, before.longest_line)) {
    out.push_back(
        {"encoded-line",
         "a line of " + number(code.longest_line) + " bytes at entropy " + decimal(code.entropy),
         code.longest_line, false});
  }
  return out;
}

std::vector<Finding> shrinkwrap_included(const Comparison& sides) {
  const auto has = [](const Release& release, const Tree* tree) {
    return release.has_shrinkwrap || (tree != nullptr && tree->has_shrinkwrap);
  };
  if (!has(sides.release, sides.tree)) return {};
  const bool is_new = sides.before == nullptr || !has(*sides.before, sides.before_tree);
  const bool inside = sides.tree != nullptr && sides.tree->has_shrinkwrap;
  return {
      make("shrinkwrap-included", is_new ? Severity::kMedium : Severity::kLow,
           inside ? "tarball" : "packument-field",
           is_new ? "brings an npm-shrinkwrap.json that pins its dependencies' URLs"
                  : "brings an npm-shrinkwrap.json, as before",
           {{"new", is_new}, {"in_tarball", inside}, {"claimed", sides.release.has_shrinkwrap}})};
}

std::vector<Finding> native_binary_added(const Comparison& sides) {
  if (!sides.comparable()) return {};
  std::uint64_t before = 0;
  std::set<std::string_view> paths, names;
  if (sides.before_tree != nullptr) {
    for (const FileFacts& file : sides.before_tree->files) {
      if (file.kind != FileKind::kNative) continue;
      paths.insert(file.path);
      names.insert(base_name(file.path));
      ++before;
    }
  }
  json::array files, changed;
  std::vector<std::string> words, changed_words;
  bool builds = true;
  for (const FileFacts* file : new_files(sides)) {
    if (file->kind != FileKind::kNative) continue;
    if (paths.contains(file->path)) {
      changed.push_back({{"path", file->path}, {"bytes", file->size}, {"sha256", file->sha256}});
      changed_words.push_back(file->path);
      continue;
    }
    builds = builds && names.contains(base_name(file->path));
    files.push_back({{"path", file->path}, {"bytes", file->size}, {"sha256", file->sha256}});
    words.push_back(file->path);
  }
  if (files.empty()) return native_changed(std::move(changed), changed_words, before);
  json::object proof{{"baseline_natives", before}};
  // prebuilds/darwin-arm64/x.node beside prebuilds/linux-x64/x.node: the file was there before, and
  // one more platform's build of it is no other sign than its change would be.
  if (builds) {
    proof["further_platforms"] = true;
    proof["informs_only"] = true;
  }
  put_list(proof, "files", std::move(files));
  return {make("native-binary-added", before == 0 ? Severity::kHigh : Severity::kLow, "tarball",
               std::string(builds ? "native code for further platforms: " : "native code added: ") +
                   join(words, ", ", 3),
               std::move(proof))};
}

std::vector<Finding> obfuscated_code_added(const Comparison& sides) {
  if (!sides.comparable()) return {};
  const CodeLimits before = limits_before(sides);
  json::array files;
  std::vector<std::string> words;
  bool strong = false;
  // One file decodes and runs, another one brings what is decoded: neither is much alone.
  const FileFacts* runs = nullptr;
  bool carries = false;
  for (const FileFacts* file : new_files(sides)) {
    const std::vector<Indicator> indicators = obfuscation(*file, before);
    const auto is = [](std::string_view name) {
      return [name](const Indicator& one) { return one.name == name; };
    };
    carries = carries || std::any_of(indicators.begin(), indicators.end(), is("encoded-literal"));
    if (runs == nullptr && file->code && has_trait(file->code->traits, "decoded-eval") &&
        !before.traits.contains("decoded-eval"))
      runs = file;
    if (indicators.empty()) continue;
    json::object measured;
    for (const Indicator& indicator : indicators) {
      measured[indicator.name] = indicator.value;
      strong = strong || indicator.strong;
    }
    files.push_back({{"path", file->path},
                     {"sha256", file->sha256},
                     {"bytes", file->size},
                     {"measured", std::move(measured)}});
    words.push_back(describe(*file, indicators));
  }
  if (files.empty()) return {};
  json::object proof;
  if (runs != nullptr && carries) {
    strong = true;
    proof["evaluated_in"] = runs->path;
    words.front() += "; " + runs->path + " newly evaluates decoded text";
  }
  put_list(proof, "files", std::move(files));
  // Data, minifiers and bundlers show the weak measures too.
  if (!strong) proof["informs_only"] = true;
  return {make("obfuscated-code-added", strong ? Severity::kHigh : Severity::kMedium, "tarball",
               join(words, "; ", 1), std::move(proof))};
}

std::vector<Finding> network_endpoint_added(const Comparison& sides) {
  if (!sides.comparable()) return {};
  const CodeLimits before = limits_before(sides);
  std::set<std::string_view> sites;
  for (const std::string& host : before.endpoints) sites.insert(last_two_labels(host));
  json::array list;
  std::vector<std::string> words;
  Severity severity = Severity::kLow;
  for (const auto& [host, files] : endpoints_of(*sides.tree)) {
    if (before.endpoints.contains(host) || names_nothing(host)) continue;
    const bool address = is_address(host);
    const bool open = !address && takes_from_anyone(host);
    const std::string_view site = last_two_labels(host);
    const bool sibling = !address && !open && sites.contains(site) && !is_shared_site(site);
    json::object entry{{"host", host}};
    if (address) entry["kind"] = "address";
    if (open) entry["kind"] = "webhook, tunnel or paste service";
    if (sibling) entry["kind"] = "sibling of a known host";
    put_list(entry, "files", to_array(files), 3);
    list.push_back(std::move(entry));
    words.push_back(host + " (" + *files.begin() + ")");
    severity = std::max(severity, address || open ? Severity::kHigh
                                  : sibling       ? Severity::kLow
                                                  : Severity::kMedium);
  }
  if (list.empty()) return {};
  json::object proof;
  put_list(proof, "hosts", std::move(list), 50);
  return {make("network-endpoint-added", severity, "tarball",
               "code names new hosts: " + join(words, ", ", 4), std::move(proof))};
}

std::vector<Finding> sensitive_access_added(const Comparison& sides) {
  if (!sides.comparable()) return {};
  const CodeLimits before = limits_before(sides);
  json::array list;
  std::vector<std::string> words;
  for (const Access& access : kAccess) {
    if (before.traits.contains(access.trait)) continue;
    std::set<std::string> files;
    for (const FileFacts& file : sides.tree->files) {
      if (file.code && has_trait(file.code->traits, access.trait)) files.insert(file.path);
    }
    for (const HookReach& reach : sides.tree->hooks) {
      if (has_trait(reach.traits, access.trait)) files.insert(reach.hook + " hook");
    }
    if (files.empty()) continue;
    words.push_back(std::string(access.words) + " (" + *files.begin() + ")");
    json::object entry{{"access", access.trait}};
    put_list(entry, "files", to_array(files), 5);
    list.push_back(std::move(entry));
  }
  if (list.empty()) return {};
  return {make("sensitive-access-added", Severity::kHigh, "tarball",
               "newly " + join(words, ", ", 3), {{"access", std::move(list)}})};
}

}  // namespace npmgate::detect
