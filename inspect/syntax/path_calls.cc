#include "inspect/syntax/path_calls.h"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cmath>

#include "base/text.h"
#include "inspect/syntax/capability_rules.h"
#include "inspect/syntax/evaluator.h"

namespace npmgate::code {
namespace {

using VK = Value::Kind;

// Node's own modules (module.builtinModules of node 22, without the inner _http_… ones).
constexpr auto kNodeModules = std::to_array<std::string_view>({"assert",
                                                               "async_hooks",
                                                               "buffer",
                                                               "child_process",
                                                               "cluster",
                                                               "console",
                                                               "constants",
                                                               "crypto",
                                                               "dgram",
                                                               "diagnostics_channel",
                                                               "dns",
                                                               "domain",
                                                               "events",
                                                               "fs",
                                                               "http",
                                                               "http2",
                                                               "https",
                                                               "inspector",
                                                               "module",
                                                               "net",
                                                               "os",
                                                               "path",
                                                               "perf_hooks",
                                                               "process",
                                                               "punycode",
                                                               "querystring",
                                                               "readline",
                                                               "repl",
                                                               "stream",
                                                               "string_decoder",
                                                               "sys",
                                                               "timers",
                                                               "tls",
                                                               "trace_events",
                                                               "tty",
                                                               "url",
                                                               "util",
                                                               "v8",
                                                               "vm",
                                                               "wasi",
                                                               "worker_threads",
                                                               "zlib",
                                                               "sqlite",
                                                               "sea",
                                                               "test"});

// Of those, names that are no ordinary word.
constexpr auto kTelling = std::to_array<std::string_view>(
    {"child_process", "dgram", "fs", "http", "http2", "https", "tls", "vm", "worker_threads"});

template <std::size_t N>
bool is_listed(const std::array<std::string_view, N>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

Value decoded_text(std::string text, std::uint8_t origins) {
  return text_value(std::move(text), static_cast<std::uint8_t>(origins | kDecoded));
}

// Bytes that numbers or character codes are; nullopt if one of them is not known.
bool append_codes(const Value& value, std::string& out) {
  if (value.is(VK::kNumber)) {
    if (!(value.number >= 0 && value.number <= 0x10FFFF)) return false;
    append_utf8(out, static_cast<std::uint32_t>(value.number));
    return true;
  }
  if (!value.is(VK::kList)) return false;
  for (const auto& [key, item] : *value.members)
    if (!append_codes(item, out)) return false;
  return true;
}

Value from_codes(const std::vector<Value>& arguments, std::uint8_t origins) {
  std::string out;
  for (const auto& argument : arguments)
    if (!append_codes(argument, out)) return unknown(static_cast<std::uint8_t>(origins | kDecoded));
  return decoded_text(std::move(out), origins);
}

std::string hex_text(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) break;
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

Value buffer_from(const std::vector<Value>& arguments, std::uint8_t origins) {
  if (arguments.empty()) return unknown(origins);
  if (arguments[0].is(VK::kList)) return from_codes({arguments[0]}, origins);
  const auto encoding = arguments.size() > 1 ? text_of(arguments[1]) : std::string();
  std::vector<Value> out;
  for (const auto& text : texts_of(arguments[0])) {
    if (encoding == "base64" || encoding == "base64url") {
      out.push_back(decoded_text(base64_text(text), origins));
    } else if (encoding == "hex") {
      out.push_back(decoded_text(hex_text(text), origins));
    } else if (encoding.starts_with("utf16") || encoding.starts_with("utf-16") ||
               encoding.starts_with("ucs")) {
      return unknown(static_cast<std::uint8_t>(origins | kDecoded));
    } else {
      out.push_back(text_value(text, origins));
    }
  }
  if (out.empty()) return unknown(static_cast<std::uint8_t>(origins | kDecoded));
  return any_value(std::move(out));
}

Value joined_paths(const std::vector<Value>& arguments, bool resolve, std::uint8_t origins) {
  std::vector<std::vector<std::string>> rows{{}};
  for (const auto& argument : arguments) {
    std::vector<std::vector<std::string>> grown;
    for (const auto& text : texts_of(argument, true))
      for (const auto& row : rows)
        if (grown.size() < 16) {
          grown.push_back(row);
          grown.back().push_back(text);
        }
    rows = std::move(grown);
  }
  std::vector<Value> out;
  for (const auto& row : rows) {
    auto path = join_path(row, resolve);
    // resolve() starts where the program runs.
    if (resolve && !path.empty() && path[0] != '/' && path[0] != '~' && path[0] != kHole)
      path = join_path({std::string(kWorkRoot), path}, false);
    out.push_back(text_value(std::move(path), origins));
  }
  return any_value(std::move(out));
}

Value path_function(std::string_view name, const std::vector<Value>& arguments,
                    std::uint8_t origins) {
  if (name == "join" || name == "normalize") return joined_paths(arguments, false, origins);
  if (name == "resolve") return joined_paths(arguments, true, origins);
  if (arguments.empty()) return unknown(origins);
  const auto text = text_of(arguments[0]);
  const auto slash = text.find_last_of('/');
  if (name == "dirname" && !text.empty())
    return text_value(slash == text.npos ? "." : text.substr(0, slash), origins);
  if (name == "basename" && !text.empty()) {
    auto base = slash == text.npos ? text : text.substr(slash + 1);
    const auto ending = arguments.size() > 1 ? text_of(arguments[1]) : std::string();
    if (!ending.empty() && base.ends_with(ending)) base.resize(base.size() - ending.size());
    return text_value(base, origins);
  }
  if (name == "sep") return text_value("/");
  return unknown(origins);
}

std::string own_path(std::string_view folder, std::string_view name) {
  return join_path({std::string(kOwnRoot), std::string(folder), std::string(name)}, false);
}

// Functions that hand on their first argument.
constexpr auto kPassing = std::to_array<std::string_view>({"util.promisify",
                                                           "util.callbackify",
                                                           "Promise.resolve",
                                                           "Promise.all",
                                                           "Promise.allSettled",
                                                           "Promise.race",
                                                           "Object.freeze",
                                                           "Object.seal",
                                                           "URL.createObjectURL",
                                                           "Object.create",
                                                           "url.fileURLToPath",
                                                           "url.pathToFileURL",
                                                           "fileURLToPath",
                                                           "Array.from",
                                                           "Uint8Array.from",
                                                           "Array.of",
                                                           "structuredClone",
                                                           "Object.getPrototypeOf",
                                                           "Reflect.getPrototypeOf",
                                                           "fs.realpathSync",
                                                           "encodeURI",
                                                           "util.types.isProxy",
                                                           "npm:pify",
                                                           "npm:bluebird.promisify"});

constexpr auto kLoaders = std::to_array<std::string_view>(
    {"require", "import", "module.require", "module.createRequire()", "module._load",
     "module.Module._load", "process.getBuiltinModule", "npm:import-fresh", "npm:import-lazy",
     "process.mainModule.require", "module.prototype.require", "module.Module.prototype.require",
     "require.main.require"});

Value load(const std::vector<Value>& arguments, std::uint8_t origins) {
  std::vector<Value> out;
  if (!arguments.empty())
    for (const auto& text : texts_of(arguments[0]))
      if (is_whole(text)) out.push_back(path_value(module_path(text)));
  return out.empty() ? unknown(origins) : any_value(std::move(out));
}

Value object_function(std::string_view name, const std::vector<Value>& arguments,
                      std::uint8_t origins, const MemberLookup& member) {
  if (arguments.empty()) return unknown(origins);
  if ((name == "Reflect.get" || name == "Object.getOwnPropertyDescriptor" ||
       name == "Reflect.getOwnPropertyDescriptor") &&
      arguments.size() > 1) {
    std::vector<Value> out;
    for (const auto& key : texts_of(arguments[1])) out.push_back(member(arguments[0], key));
    auto value = any_value(std::move(out));
    if (name == "Reflect.get") return value;
    return record_value({{"value", value}, {"get", value}});
  }
  if (name == "Object.values" || name == "Object.keys" || name == "Object.entries") {
    if (!arguments[0].is(VK::kRecord)) {
      if (arguments[0].is(VK::kList)) return arguments[0];
      return unknown(origins);
    }
    std::vector<Value> out;
    for (const auto& [key, item] : *arguments[0].members) {
      if (name == "Object.keys")
        out.push_back(text_value(key));
      else if (name == "Object.values")
        out.push_back(item);
      else
        out.push_back(list_value({text_value(key), item}));
    }
    return list_value(std::move(out));
  }
  return unknown(origins);
}

// What calling this path gives is known: Function('return process').
constexpr std::string_view kReturns = "returns:";

bool is_word(std::string_view text) {
  return !text.empty() && text.size() < 40 &&
         text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_$0123456789") == text.npos;
}

Value global_value(std::string_view word) {
  return path_value(word == "this" || word == "global" || word == "window" || word == "self"
                        ? "globalThis"
                        : std::string(word));
}

Value made_function(const Value& body, std::uint8_t origins) {
  std::string_view text = body.is(VK::kText) ? std::string_view(body.text) : std::string_view();
  text = trimmed(text, " ;\n\t");
  if (!text.starts_with("return ")) return unknown(origins);
  text = trimmed(text.substr(7), " ;()");
  if (!is_word(text)) return unknown(origins);
  return path_value(std::string(kReturns) + global_value(text).text);
}

Value of_json(const boost::json::value& value, int depth) {
  if (depth > 8) return unknown();
  if (const auto* text = value.if_string()) return text_value(std::string(*text));
  if (value.is_bool()) return bool_value(value.get_bool());
  if (value.is_number()) return number_value(value.to_number<double>());
  if (const auto* list = value.if_array()) {
    std::vector<Value> items;
    for (const auto& item : *list) items.push_back(of_json(item, depth + 1));
    return list_value(std::move(items));
  }
  if (const auto* object = value.if_object()) {
    Value::Members members;
    for (const auto& [key, item] : *object)
      members.emplace_back(std::string(key), of_json(item, depth + 1));
    return record_value(std::move(members));
  }
  return unknown();
}

Value parsed_json(const std::vector<Value>& arguments, std::uint8_t origins) {
  const auto text = arguments.empty() ? std::string() : text_of(arguments[0]);
  if (text.empty() || !is_whole(text)) return unknown(origins);
  boost::system::error_code error;
  const auto value = boost::json::parse(text, error);
  return error ? unknown(origins) : of_json(value, 0);
}

// "a=b&c=d"
Value parsed_query(const std::vector<Value>& arguments, std::uint8_t origins) {
  const auto text = arguments.empty() ? std::string() : text_of(arguments[0]);
  if (text.empty() || !is_whole(text)) return unknown(origins);
  Value::Members members;
  for (std::string_view rest = trimmed(text, "?"); !rest.empty() && members.size() < 64;) {
    const auto end = std::min(rest.find('&'), rest.size());
    const auto pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const auto sign = std::min(pair.find('='), pair.size());
    std::string value(pair.substr(std::min(sign + 1, pair.size())));
    std::replace(value.begin(), value.end(), '+', ' ');
    members.emplace_back(percent_decode(pair.substr(0, sign)), text_value(percent_decode(value)));
  }
  return record_value(std::move(members));
}

// new Map([[key, value], …])
Value map_of(const std::vector<Value>& arguments, std::uint8_t origins) {
  if (arguments.empty() || !arguments[0].is(VK::kList)) return unknown(origins);
  Value::Members members;
  for (const auto& [none, pair] : *arguments[0].members)
    if (pair.is(VK::kList) && pair.size() > 1)
      members.emplace_back(text_of((*pair.members)[0].second), (*pair.members)[1].second);
  return record_value(std::move(members));
}

// util.format('%s_%s', …)
Value formatted(const std::vector<Value>& arguments, std::uint8_t origins) {
  const auto pattern = arguments.empty() ? std::string() : text_of(arguments[0]);
  std::string out;
  std::size_t next = 1;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%' || i + 1 == pattern.size()) {
      out += pattern[i];
    } else if (pattern[++i] == '%') {
      out += '%';
    } else {
      out += next < arguments.size() ? to_text(arguments[next]) : std::string(1, kHole);
      ++next;
    }
  }
  for (; next < arguments.size(); ++next) out += ' ' + to_text(arguments[next]);
  return text_value(std::move(out), origins);
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::string_view("-_.!~*'()").find(c) != std::string_view::npos)
      out += c;
    else
      (out += '%') += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

std::string base64_of(std::string_view text) {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t n = 0; n < 3; ++n)
      bits = bits << 8 | (i + n < text.size() ? static_cast<unsigned char>(text[i + n]) : 0u);
    for (std::size_t n = 0; n < 4; ++n)
      out += i + n <= text.size() ? kLetters[bits >> (18 - 6 * n) & 63] : '=';
  }
  return out;
}

// Texts that a function makes of one constant text; nullopt if this is none of them.
std::optional<Value> rewritten(std::string_view path, const std::vector<Value>& arguments,
                               std::uint8_t origins) {
  const bool percent = path == "encodeURIComponent" || path == "escape";
  if (!percent && path != "btoa") return std::nullopt;
  const auto text = arguments.empty() ? std::string() : text_of(arguments[0]);
  if (text.empty() || !is_whole(text)) return unknown(origins);
  return text_value(percent ? percent_encoded(text) : base64_of(text), origins);
}

// Buffer.concat([a, b]): one behind the other.
Value concatenated(const Value& list, std::uint8_t origins) {
  if (!list.is(VK::kList)) return unknown(origins);
  std::string out;
  for (const auto& [key, item] : *list.members) out += to_text(item);
  return text_value(std::move(out), origins);
}

double whole(std::string_view name, double number) {
  if (name == "floor") return std::floor(number);
  if (name == "ceil") return std::ceil(number);
  if (name == "round") return std::floor(number + 0.5);
  if (name == "abs") return std::abs(number);
  if (name == "trunc") return std::trunc(number);
  return std::nan("");
}

}  // namespace

Value returning(const Value& value) {
  return value.is(VK::kPath) ? path_value(std::string(kReturns) + value.text) : unknown();
}

std::string module_path(std::string_view name) {
  if (name.starts_with("node:")) name.remove_prefix(5);
  if (name.starts_with("./") || name.starts_with("../") || name.starts_with('/') || name == "." ||
      name == "..")
    return "file:" + std::string(name) + kFileEnd;
  auto base = name.substr(0, name.find('/'));
  if (is_listed(kNodeModules, base)) {
    std::string out(name);
    std::replace(out.begin(), out.end(), '/', '.');
    return out;
  }
  return "npm:" + std::string(name);
}

std::uint8_t origins_of_path(std::string_view path) {
  constexpr auto kNetwork = std::to_array<std::string_view>(
      {"http.", "https.", "http2.", "net.", "tls.", "dgram.", "dns.", "fetch", "XMLHttpRequest",
       "WebSocket", "EventSource"});
  // These ask servers, but for other things than a module that does nothing else.
  constexpr auto kChains =
      std::to_array<std::string_view>({"npm:ethers", "npm:web3", "npm:@solana/web3.js"});
  constexpr auto kFile = std::to_array<std::string_view>(
      {"fs.readFile", "fs.promises.readFile", "fs.createReadStream", "fs.readSync", "fs.openAsBlob",
       "Bun.file", "Deno.readTextFile", "Deno.readFile"});
  const auto starts = [&](std::string_view prefix) { return path.starts_with(prefix); };
  if (path.starts_with("npm:")) {
    const bool asks =
        std::ranges::any_of(client_modules(), starts) || std::ranges::any_of(kChains, starts);
    return asks ? kFromNetwork : 0;
  }
  if (std::ranges::any_of(kNetwork, starts)) return kFromNetwork;
  for (const auto prefix : kFile)
    if (path.starts_with(prefix)) return kFromFile;
  if (path.starts_with("process.env")) return kFromEnvironment;
  if (path.starts_with("zlib.") || path == "atob" || path.starts_with("crypto.createDecipher") ||
      path.starts_with("crypto.privateDecrypt") || path.starts_with("crypto.subtle.decrypt"))
    return kDecoded;
  return 0;
}

bool loads_module(std::string_view path) {
  return is_listed(kLoaders, path);
}

bool names_node_module(std::string_view name) {
  return name.starts_with("node:") || is_listed(kTelling, name);
}

bool is_interop(std::string_view function) {
  for (const auto word :
       {"nterop", "__import", "__toESM", "__toModule", "mport_", "mportDefault", "mportStar"})
    if (function.find(word) != function.npos) return true;
  return false;
}

Value member_of_path(const Value& path, std::string_view name, const GlobalLookup& global) {
  const auto& at = path.text;
  if (at == "globalThis") {
    const auto value = global(name);
    return value.is(VK::kText) ? unknown() : value;  // __dirname is none of its members
  }
  if (name == "default" && !at.ends_with(')')) return path;
  if (at == "module" && name == "constructor") return path_value("module.Module");
  if ((at == "module" || at == "process.mainModule") && name == "require")
    return path_value("require");
  if (at == "require" && name == "main") return path_value("module");
  if (at == "process" && name == "mainModule") return path_value("module");
  if (name == "constructor" &&
      (at.starts_with("String.") || at.starts_with("Array.") || at.starts_with("Number.") ||
       at == "String" || at == "Array" || at == "Number" || at == "Object" || at == "RegExp" ||
       at == "Function" || at == "Boolean" || at.ends_with("toString") || at.ends_with("valueOf") ||
       origins_of_path(at) != 0 || at == "require" || at == "setTimeout" || at == "console.log"))
    return path_value("Function");
  if (at == "import.meta") {
    if (name == "url" || name == "filename" || name == "path") return global("__filename");
    if (name == "dirname" || name == "dir") return global("__dirname");
  }
  if (at == "Bun" && name == "env") return path_value("process.env", kFromEnvironment);
  if (at == "path" && (name == "posix" || name == "win32")) return path;
  if (at == "path" && name == "sep") return text_value("/");
  if (at == "fs" && name == "promises") return path_value("fs.promises");
  return path_value(at + "." + std::string(name), path.origins);
}

Value result_of_call(const std::string& path, const std::vector<Value>& arguments,
                     std::uint8_t origins, std::string_view folder, const MemberLookup& member) {
  if (loads_module(path)) return load(arguments, origins);
  if (path == "module.createRequire" || path == "module.Module.createRequire" ||
      path == "createRequire")
    return path_value("require");
  if (path == "process.binding" || path == "process._linkedBinding") {
    const auto name = arguments.empty() ? std::string() : text_of(arguments[0]);
    return path_value("binding:" + name);
  }
  if (path == "require.resolve" || path == "import.meta.resolve") {
    const auto name = arguments.empty() ? std::string() : text_of(arguments[0]);
    if (name.starts_with('.')) return text_value(own_path(folder, name));
    // Of another package's file.
    const bool foreign = !name.empty() && is_whole(name) && module_path(name).starts_with("npm:");
    return foreign ? text_value(std::string(kWorkRoot) + "/node_modules/" + name)
                   : unknown(origins);
  }
  if (path == "Deno.env.toObject") return path_value("process.env", kFromEnvironment);
  if (path == "Deno.env.get" && !arguments.empty())
    return path_value("process.env." + text_of(arguments[0]), kFromEnvironment);
  if (path == "JSON.parse") return parsed_json(arguments, origins);
  if (path == "querystring.parse" || path == "querystring.decode")
    return parsed_query(arguments, origins);
  if (path == "util.format") return formatted(arguments, origins);
  if ((path == "Symbol" || path == "Symbol.for") && !arguments.empty())
    return record_value({{"description", arguments[0]}});
  if (auto text = rewritten(path, arguments, origins)) return std::move(*text);
  if (path == "document.createElement" && !arguments.empty() &&
      lower_ascii(text_of(arguments[0])) == "script")
    return path_value("document.createElement().script", origins);
  if (path == "String.fromCharCode" || path == "String.fromCodePoint")
    return from_codes(arguments, origins);
  if (path == "String.raw" && arguments.size() == 1) return arguments[0];
  if (path == "atob" || path == "buffer.atob") {
    std::vector<Value> out;
    if (!arguments.empty())
      for (const auto& text : texts_of(arguments[0]))
        out.push_back(decoded_text(base64_text(text), origins));
    return out.empty() ? unknown(static_cast<std::uint8_t>(origins | kDecoded))
                       : any_value(std::move(out));
  }
  if (path == "Buffer.from" || path == "buffer.Buffer.from" || path == "Buffer" ||
      path == "buffer.Buffer")
    return buffer_from(arguments, origins);
  if ((path == "Buffer.concat" || path == "buffer.Buffer.concat") && !arguments.empty())
    return concatenated(arguments[0], origins);
  if (path == "TextDecoder.decode" && !arguments.empty())
    return arguments[0].is(VK::kText) ? arguments[0] : from_codes(arguments, origins);
  if (path == "decodeURIComponent" || path == "decodeURI" || path == "unescape") {
    const auto text = arguments.empty() ? std::string() : text_of(arguments[0]);
    if (text.empty()) return unknown(origins);
    return text.find('%') == text.npos ? arguments[0] : decoded_text(percent_decode(text), origins);
  }
  if (path == "os.homedir" || path == "npm:os-homedir" || path == "npm:homedir")
    return text_value("~");
  if (path == "os.tmpdir") return text_value("/tmp");
  if (path == "process.cwd") return text_value(std::string(kWorkRoot));
  if (path.starts_with("path."))
    return path_function(std::string_view(path).substr(5), arguments, origins);
  if (path == "String" && !arguments.empty()) return text_value(to_text(arguments[0]), origins);
  if ((path == "Number" || path == "parseInt" || path == "parseFloat" || path == "BigInt") &&
      !arguments.empty()) {
    if (arguments[0].is(VK::kNumber)) return arguments[0];
    const auto text = text_of(arguments[0]);
    const bool based = path == "parseInt" && arguments.size() > 1 && arguments[1].number >= 2 &&
                       arguments[1].number <= 36;
    const double number =
        based ? parse_number(text, static_cast<int>(arguments[1].number)) : parse_number(text);
    return std::isnan(number) ? unknown(origins) : number_value(number);
  }
  if (path.starts_with("Math.") && !arguments.empty() && arguments[0].is(VK::kNumber)) {
    const double number = whole(std::string_view(path).substr(5), arguments[0].number);
    return std::isnan(number) ? unknown(origins) : number_value(number);
  }
  if (path == "Object.assign") return any_value(arguments);
  if (is_listed(kPassing, path) && !arguments.empty()) return arguments[0];
  if (path.starts_with("Object.") || path.starts_with("Reflect."))
    return object_function(path, arguments, origins, member);
  if (path == "Function" && !arguments.empty()) return made_function(arguments.back(), origins);
  if (path.starts_with(kReturns)) return path_value(path.substr(kReturns.size()));
  if (path == "eval" && !arguments.empty()) {
    const auto word = text_of(arguments[0]);
    return is_word(word) ? global_value(word) : unknown(origins);
  }
  if (path == "RegExp" || path == "JSON.stringify") return unknown(origins);
  if (is_interop(path) && !arguments.empty() && arguments[0].is(VK::kPath)) return arguments[0];
  return path_value(path + "()", origins);
}

Value result_of_new(const std::string& path, const std::vector<Value>& arguments,
                    std::uint8_t origins) {
  if (path == "Function" && !arguments.empty()) return made_function(arguments.back(), origins);
  if (path == "URL" || path == "url.URL") {
    // new URL('./x.js', import.meta.url)
    if (arguments.size() > 1) {
      const auto base = text_of(arguments[1]), name = text_of(arguments[0]);
      if (base.starts_with(kOwnRoot) && !name.empty())
        return text_value(join_path({base.substr(0, base.rfind('/')), name}, false));
    }
    return arguments.empty() ? unknown(origins) : arguments[0];
  }
  if (path == "Uint8Array" || path == "Array" || path == "String" || path == "Set") {
    if (arguments.size() == 1 && !arguments[0].is(VK::kNumber)) return arguments[0];
    return unknown(origins);
  }
  if (path == "Map" || path == "WeakMap") return map_of(arguments, origins);
  if (path == "URLSearchParams" || path == "url.URLSearchParams")
    return parsed_query(arguments, origins);
  if (path == "Proxy" && !arguments.empty()) return arguments[0];
  if ((path == "Error" || path == "TypeError") && !arguments.empty())
    return record_value({{"message", arguments[0]}});
  if (path == "Blob" && !arguments.empty()) {
    const auto text = concatenated(arguments[0], origins);
    return is_whole(text.text) && text.is(VK::kText) ? text_value("blob:" + text.text, origins)
                                                     : unknown(text.origins);
  }
  if (path == "Promise" || path == "Date" || path == "Error" || path == "RegExp")
    return unknown(origins);
  return path_value(path, origins);
}

}  // namespace npmgate::code
