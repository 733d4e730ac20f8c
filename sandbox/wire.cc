#include "sandbox/wire.h"

#include <algorithm>
#include <boost/json.hpp>

#include "diff/content_diff_json.h"
#include "inspect/evidence/manifest_json.h"

namespace npmgate {
namespace {

namespace json = boost::json;

constexpr std::string_view kMagic = "NGW\1";
// Reasons a reply may give for having no contents: worker.cc writes shorter ones, for people.
constexpr std::size_t kMaxReason = 200;
bool is_reason(std::string_view text) {
  return text.size() <= kMaxReason &&
         std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

Error malformed(const std::string& what) {
  return fail(Code::kMalformed, Origin::kSelf, what);
}

Result<json::value> parse(std::string_view payload) {
  boost::system::error_code ec;
  json::value value = json::parse(payload, ec);
  if (ec) return malformed("no JSON: " + ec.message());
  return value;
}

bool is_sha256(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

json::object limits_json(const ArchiveLimits& limits) {
  return {{"unpacked", limits.max_unpacked},
          {"ratio", limits.max_ratio},
          {"entries", limits.max_entries},
          {"path", limits.max_path},
          {"pax", limits.max_pax}};
}
ArchiveLimits limits_from(const json::value& value, bool& ok) {
  const JsonFields fields(value, ok);
  ArchiveLimits limits;
  limits.max_unpacked = fields.number("unpacked");
  limits.max_ratio = static_cast<std::uint32_t>(fields.number("ratio"));
  limits.max_entries = static_cast<std::uint32_t>(fields.number("entries"));
  limits.max_path = static_cast<std::uint32_t>(fields.number("path"));
  limits.max_pax = static_cast<std::uint32_t>(fields.number("pax"));
  return limits;
}

std::optional<std::string> implausible_refusal(const ArchiveRefusal& refusal) {
  const auto rules = archive_rules();
  if (std::ranges::none_of(rules, [&](const auto& rule) { return rule.id == refusal.rule; }))
    return "a rule that there is not";
  if (refusal.over_limit != refusal.rule.starts_with("limit-")) return "a limit that is no limit";
  return std::nullopt;
}

std::optional<std::string> implausible_tree(const Tree& tree, const ArchiveLimits& limits) {
  if (tree.entries > limits.max_entries || tree.files.size() > tree.entries)
    return "more files than entries";
  std::uint64_t total = 0;
  const FileFacts* before = nullptr;
  for (const FileFacts& file : tree.files) {
    if (file.path.empty() || file.path.size() > limits.max_path) return "a path of that length";
    if (before != nullptr && before->path >= file.path) return "files out of order";
    if (!is_sha256(file.sha256)) return "a digest that is none";
    if (file.size > limits.max_unpacked) return "a file larger than an archive";
    total += file.size;
    before = &file;
  }
  if (total != tree.unpacked_size) return "sizes that do not add up";
  if (total > limits.max_unpacked) return "more bytes than an archive may have";
  // The archive profile asks for one, and findings take a tree without files for one not read.
  if (tree.find("package.json") == nullptr) return "no package.json";
  return std::nullopt;
}

}  // namespace

std::string frame(std::string_view payload) {
  std::string out(kMagic);
  for (int shift = 0; shift < 32; shift += 8)
    out += static_cast<char>(payload.size() >> shift & 0xff);
  return out.append(payload);
}

Result<std::size_t> payload_size(std::string_view header, std::size_t limit) {
  if (header.size() != kFrameHeader || !header.starts_with(kMagic)) return malformed("no frame");
  std::size_t size = 0;
  for (std::size_t i = kFrameHeader; i-- > kMagic.size();)
    size = size << 8 | static_cast<unsigned char>(header[i]);
  if (size > limit)
    return malformed("a frame of " + std::to_string(size) + " bytes, allowed are " +
                     std::to_string(limit));
  return size;
}

std::string encode(const Hello& hello) {
  return json::serialize(json::object{
      {"seccomp", hello.seccomp}, {"landlock", hello.landlock}, {"refused", hello.refused}});
}

Result<Hello> decode_hello(std::string_view payload) {
  const auto value = parse(payload);
  if (!value) return value.error();
  bool ok = true;
  const JsonFields fields(*value, ok);
  Hello hello{fields.flag("seccomp"), static_cast<int>(fields.number("landlock")),
              fields.text("refused")};
  if (!ok || encode(hello) != payload) return malformed("no greeting of a worker");
  return hello;
}

DiffLimits diff_limits(const ArchiveLimits& archive) {
  DiffLimits limits;
  limits.archive = archive;
  return limits;
}

std::string encode(const WorkRequest& request) {
  json::object scripts;
  for (const auto& [name, text] : request.stated.scripts) scripts.emplace(name, text);
  json::object out{{"job", request.job},
                   {"name", request.stated.name},
                   {"scripts", std::move(scripts)},
                   {"limits", limits_json(request.limits)},
                   {"attempt", request.attempt}};
  if (request.diff) {
    out.emplace("diff", json::object{{"baseline_size", request.diff->baseline_size},
                                     {"paths", to_json_array(request.diff->paths)}});
  }
  if (request.source) {
    const SourceRequest& source = *request.source;
    out.emplace("source", json::object{{"tarball_size", source.tarball_size},
                                       {"commit", source.commit},
                                       {"directory", source.directory},
                                       {"name", source.name},
                                       {"manifest_blob", source.manifest_blob}});
  }
  return json::serialize(out);
}

Result<WorkRequest> decode_request(std::string_view payload) {
  const auto value = parse(payload);
  if (!value) return value.error();
  bool ok = true;
  const JsonFields fields(*value, ok);
  WorkRequest request;
  request.job = fields.number("job");
  request.stated.name = fields.text("name");
  request.stated.scripts = fields.map("scripts");
  if (const auto* limits = fields.find("limits")) request.limits = limits_from(*limits, ok);
  request.attempt = fields.text("attempt");
  if (const auto* diff = fields.find("diff")) {
    const JsonFields wanted(*diff, ok);
    request.diff = DiffRequest{wanted.number("baseline_size"), wanted.texts("paths")};
  }
  if (const auto* source = fields.find("source")) {
    const JsonFields wanted(*source, ok);
    request.source =
        SourceRequest{wanted.number("tarball_size"), wanted.text("commit"),
                      wanted.text("directory"), wanted.text("name"), wanted.text("manifest_blob")};
  }
  if (!ok) return malformed("no request");
  return request;
}

std::string encode(const WorkReply& reply) {
  json::object out{{"job", reply.job}};
  if (reply.contents) out.emplace("contents", to_json(*reply.contents));
  if (reply.diff) out.emplace("diff", to_json(*reply.diff));
  if (reply.source) out.emplace("source", to_json(*reply.source));
  if (!reply.failed.empty()) out.emplace("failed", reply.failed);
  if (reply.attempt_errno) out.emplace("errno", *reply.attempt_errno);
  return json::serialize(out);
}

Result<WorkReply> decode_reply(std::string_view payload, std::uint64_t job,
                               const ArchiveLimits& limits, const DiffRequest* diff,
                               const SourceRequest* source) {
  const auto value = parse(payload);
  if (!value) return value.error();
  bool ok = true;
  const JsonFields fields(*value, ok);
  WorkReply reply;
  reply.job = fields.number("job");
  reply.failed = fields.text("failed");
  if (const auto number = fields.optional_number("errno"))
    reply.attempt_errno = static_cast<int>(*number);
  const auto* contents = fields.find("contents");
  const auto* compared = fields.find("diff");
  const auto* beside = fields.find("source");
  const bool one_of_them = (contents != nullptr) + (compared != nullptr) + (beside != nullptr) +
                               !reply.failed.empty() + reply.attempt_errno.has_value() ==
                           1;
  ok = ok && one_of_them && value->as_object().size() == 2;
  if (!ok || !is_reason(reply.failed)) return malformed("no reply");
  if (reply.job != job) return malformed("a reply to another request");
  if ((compared != nullptr && diff == nullptr) || (beside != nullptr && source == nullptr) ||
      (contents != nullptr && (diff != nullptr || source != nullptr)))
    return malformed("a reply to a request of another kind");
  if (beside != nullptr) {
    reply.source = source_comparison_from_json(*beside, ok);
    // To the letter: nothing else may be said beside it.
    if (!ok || to_json(*reply.source) != *beside) return malformed("no comparison with a source");
    return reply;
  }
  if (compared != nullptr) {
    auto read = content_diff_from_json(*compared, diff->paths, diff_limits(limits));
    if (!read) return malformed(read.error().context);
    reply.diff = std::move(*read);
    return reply;
  }
  if (contents == nullptr) return reply;
  auto read = contents_from_json(*contents);
  if (!read) return malformed(read.error().context);
  if (const auto why = implausible(*read, limits)) return malformed("contents with " + *why);
  reply.contents = std::move(*read);
  return reply;
}

std::optional<std::string> implausible(const Contents& contents, const ArchiveLimits& limits) {
  if (contents.archive_refusal) {
    if (contents.tree != Tree{} || contents.package_json_refusal) return "a refusal and a tree";
    return implausible_refusal(*contents.archive_refusal);
  }
  return implausible_tree(contents.tree, limits);
}

}  // namespace npmgate
