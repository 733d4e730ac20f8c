// read_archive as a whole: what comes out of a good archive, the limits, and properties that hold
// for every byte.
#include "inspect/archive/archive.h"

#include <gtest/gtest.h>

#include <clocale>
#include <set>

#include "base/digest.h"
#include "base/gzip.h"
#include "tests/inspect/archive/tar_builder.h"

namespace npmgate {
namespace {

using testing::bytes_of;
using testing::fix_checksum;
using testing::kBlock;
using testing::package_json_entry;
using testing::pax_record;
using testing::read;
using testing::rule_of;
using testing::tar_entry;
using testing::tar_header;
using testing::text_of;
using testing::tgz;

std::vector<std::string> paths_of(const Archive& archive) {
  std::vector<std::string> paths;
  for (const ArchiveEntry& entry : archive.entries) {
    paths.push_back(entry.path + (entry.directory ? "/" : ""));
  }
  return paths;
}

// Everything a reader of the archive can see.
std::string content_of(const Archive& archive) {
  std::string text = archive.top + "\n";
  for (const ArchiveEntry& entry : archive.entries) {
    text += entry.path + (entry.directory ? "/ " : " ") + std::to_string(entry.mode) + " " +
            digest(Algorithm::kSha256, entry.body).hex() + "\n";
  }
  return text;
}

TEST(ReadArchive, GivesPathsModesAndBodiesInArchiveOrder) {
  const ArchiveResult result =
      read(tgz(tar_entry("package/", "", '5', 0755) + package_json_entry() +
               tar_entry("package/bin/run.sh", "#!/bin/sh\n", '0', 0755) +
               tar_entry("package/empty", "") + tar_entry("package/all-bits", "s", '0', 0777)));
  ASSERT_FALSE(result.refusal) << result.refusal->rule << ": " << result.refusal->detail;
  EXPECT_EQ(result.archive.top, "package");
  EXPECT_EQ(paths_of(result.archive),
            (std::vector<std::string>{"package/", "package/package.json", "package/bin/run.sh",
                                      "package/empty", "package/all-bits"}));
  EXPECT_EQ(text_of(result.archive.entries[2].body), "#!/bin/sh\n");
  EXPECT_TRUE(result.archive.entries[3].body.empty());
  EXPECT_EQ(result.archive.entries[2].mode, 0755u);
  EXPECT_EQ(result.archive.entries[4].mode, 0777u);
}

TEST(ReadArchive, KeepsBodiesInsideItsOwnBytes) {
  const ArchiveResult result = read(tgz(package_json_entry()));
  ASSERT_FALSE(result.refusal);
  const auto& tar = result.archive.tar;
  const auto& body = result.archive.entries[0].body;
  EXPECT_GE(body.data(), tar.data());
  EXPECT_LE(body.data() + body.size(), tar.data() + tar.size());
}

TEST(ReadArchive, ListsIdenticalDuplicatesOnce) {
  const std::string file = tar_entry("package/dist/x.js", "x");
  const ArchiveResult result =
      read(tgz(file + package_json_entry() + tar_entry("package/./dist/x.js", "x") + file));
  ASSERT_FALSE(result.refusal) << result.refusal->detail;
  EXPECT_EQ(paths_of(result.archive),
            (std::vector<std::string>{"package/dist/x.js", "package/package.json"}));
}

TEST(ReadArchive, AppliesAPaxPathToTheNextEntryOnly) {
  const ArchiveResult result =
      read(tgz(tar_entry("PaxHeader", pax_record("path", "package/" + std::string(200, 'p')), 'x') +
               tar_entry("package/short", "long") + tar_entry("package/next", "next") +
               package_json_entry()));
  ASSERT_FALSE(result.refusal) << result.refusal->detail;
  EXPECT_EQ(paths_of(result.archive),
            (std::vector<std::string>{"package/" + std::string(200, 'p'), "package/next",
                                      "package/package.json"}));
}

// libarchive converts names by the locale; the verdict must not depend on it.
TEST(ReadArchive, DoesNotDependOnTheLocale) {
  const std::string file =
      tgz(package_json_entry() + tar_entry("package/\u00e9\u4e16.js", "1") +
          tar_entry("PaxHeader", pax_record("path", "package/\u00fc.js"), 'x') +
          tar_entry("PaxHeader", "2"));
  const std::string before = std::setlocale(LC_ALL, nullptr);
  std::set<std::string> contents;
  for (const char* locale : {"C", "C.UTF-8", "POSIX"}) {
    ASSERT_NE(std::setlocale(LC_ALL, locale), nullptr) << locale;
    const ArchiveResult result = read(file);
    EXPECT_FALSE(result.refusal) << locale << ": " << result.refusal->detail;
    contents.insert(content_of(result.archive));
  }
  std::setlocale(LC_ALL, before.c_str());
  EXPECT_EQ(contents.size(), 1u);
}

TEST(ReadArchive, NamesEntryAndPlaceInADetailOfPlainAscii) {
  const ArchiveResult result =
      read(tgz(package_json_entry() + tar_entry("package/\u00e9\x1b[31m", "x")));
  ASSERT_TRUE(result.refusal);
  EXPECT_EQ(result.refusal->rule, "path-control");
  EXPECT_EQ(result.refusal->detail,
            "\"package/\\xc3\\xa9\\x1b[31m\" at byte 1024 of the unpacked archive");
}

TEST(ReadArchive, CutsLongNamesInDetails) {
  const std::string name = "package/" + std::string(250, 'n') + "/../x";
  const ArchiveResult result = read(
      tgz(tar_entry("PaxHeader", pax_record("path", name), 'x') + tar_entry("package/short", "x")));
  ASSERT_TRUE(result.refusal);
  EXPECT_EQ(result.refusal->rule, "path-dot-segment");
  EXPECT_LT(result.refusal->detail.size(), 200u);
}

// Limits: each row is an archive just inside and one just outside of one limit.
struct LimitRow {
  std::string name;
  std::string rule;
  ArchiveLimits limits;
  std::string inside, outside;
};

std::string pax_of(std::size_t size) {
  const std::string comment(size - pax_record("comment", std::string(size, 'c')).size() + size,
                            'c');
  return tar_entry("PaxHeader", pax_record("comment", comment), 'x') + package_json_entry();
}

std::string with_path_of(std::size_t size) {
  const std::string path = "package/" + std::string(size - 8, 'p');  // below 255
  return tar_entry("PaxHeader", pax_record("path", path), 'x') + tar_entry("package/x", "") +
         package_json_entry();
}

std::string with_file_of(std::size_t size) {
  return package_json_entry() + tar_entry("package/x", std::string(size, 'x'));
}

std::vector<LimitRow> limit_rows() {
  const std::string two = package_json_entry() + tar_entry("package/x", "");
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  const std::size_t frame = 5 * kBlock;  // two headers, the package.json, the end
  return {
      {"entries",
       "limit-entries",
       {.max_entries = 2},
       tgz(two),
       tgz(two + tar_entry("package/y", ""))},
      {"path", "limit-path", {.max_path = 200}, tgz(with_path_of(200)), tgz(with_path_of(201))},
      {"pax", "limit-pax", {.max_pax = 4000}, tgz(pax_of(4000)), tgz(pax_of(4001))},
      {"pax_at_most_1_MiB",
       "limit-pax",
       {.max_ratio = 2000, .max_pax = 4u << 20},
       tgz(pax_of(kMiB)),
       tgz(pax_of(kMiB + 1))},
      {"unpacked",
       "limit-unpacked",
       {.max_unpacked = frame + 64 * kBlock},
       tgz(with_file_of(64 * kBlock)),
       tgz(with_file_of(64 * kBlock + 1))},
      {"no_unpacked_bytes", "limit-unpacked", {.max_unpacked = 2 * kBlock}, "", tgz(two)},
      {"ratio_counts_from_1_MiB",
       "limit-ratio",
       {.max_ratio = 2},
       tgz(with_file_of(kMiB - frame)),
       tgz(with_file_of(kMiB - frame + 1))},
  };
}

class Limits : public ::testing::TestWithParam<LimitRow> {};

TEST_P(Limits, AllowWhatIsInsideAndRefuseWhatIsOutside) {
  const LimitRow& row = GetParam();
  if (!row.inside.empty()) {
    EXPECT_EQ(rule_of(row.inside, row.limits), "accept");
  }
  const ArchiveResult result = read(row.outside, row.limits);
  ASSERT_TRUE(result.refusal);
  EXPECT_EQ(result.refusal->rule, row.rule);
  EXPECT_TRUE(result.refusal->over_limit);
}

INSTANTIATE_TEST_SUITE_P(Rows, Limits, ::testing::ValuesIn(limit_rows()),
                         [](const auto& row) { return row.param.name; });

// Growing buffers must give the same bytes as one that fits at once: padding hides the size in the
// trailer.
TEST(ReadArchive, InflatesWithoutAHintAboutTheSize) {
  const std::string entries =
      package_json_entry() + tar_entry("package/x", std::string(900'000, 'x'));
  const ArchiveResult plain = read(tgz(entries));
  const ArchiveResult padded = read(tgz(entries) + std::string(64, '\0'));
  ASSERT_FALSE(plain.refusal);
  ASSERT_FALSE(padded.refusal) << padded.refusal->detail;
  EXPECT_EQ(content_of(plain.archive), content_of(padded.archive));
}

// Large binaries are hashed in passing; everything else is as if all had been held.
class Omitting : public ::testing::Test {
 protected:
  static std::string binary(std::size_t size) {
    std::string body =
        "\x7F"
        "ELF";
    for (std::size_t i = body.size(); i < size; ++i) body += static_cast<char>(i * i >> 7);
    return body;
  }
  static ArchiveLimits tight() {
    ArchiveLimits limits;
    limits.hold_whole = 16 << 10;
    return limits;
  }
  std::string entries_ =
      package_json_entry() + tar_entry("package/first.node", binary(300'000)) +
      tar_entry("package/run.js", "#!/usr/bin/env node\n" + std::string(100'000, 'r')) +
      tar_entry("package/second.node", binary(512 * 400)) +
      tar_header("PaxHeader", pax_record("path", "package/third").size(), 'x') +
      testing::padded(pax_record("path", "package/third")) + tar_entry("short", binary(100'001)) +
      tar_entry("package/last.js", "1;\n");
};

TEST_F(Omitting, ChangesNothingThatIsSeen) {
  const std::string packed = tgz(entries_);
  const ArchiveResult whole = read(packed), part = read(packed, tight());
  ASSERT_FALSE(whole.refusal);
  ASSERT_FALSE(part.refusal) << part.refusal->rule << ": " << part.refusal->detail;
  ASSERT_EQ(paths_of(part.archive), paths_of(whole.archive));
  std::size_t omitted = 0;
  for (std::size_t i = 0; i < whole.archive.entries.size(); ++i) {
    const ArchiveEntry& all = whole.archive.entries[i];
    const ArchiveEntry& some = part.archive.entries[i];
    EXPECT_EQ(some.size, all.size) << all.path;
    EXPECT_EQ(all.body.size(), all.size);
    if (some.sha256.empty()) {
      EXPECT_EQ(text_of(some.body), text_of(all.body)) << all.path;
      continue;
    }
    ++omitted;
    EXPECT_EQ(some.sha256, digest(Algorithm::kSha256, all.body).hex()) << all.path;
    EXPECT_EQ(text_of(some.body), text_of(all.body).substr(0, 8192)) << all.path;
  }
  EXPECT_EQ(omitted, 2u);  // the first one comes before so much is held
  EXPECT_LT(part.archive.tar.size(), whole.archive.tar.size() - 250'000);
}

TEST_F(Omitting, RefusesAsBefore) {
  const std::string packed = tgz(entries_);
  for (std::size_t cut = 1; cut < packed.size(); cut += 997)
    EXPECT_NE(rule_of(packed.substr(0, packed.size() - cut), tight()), "accept") << cut;
  for (const std::size_t at : {packed.size() - 8, packed.size() - 3}) {
    std::string other = packed;
    other[at] = static_cast<char>(other[at] + 1);
    EXPECT_EQ(rule_of(other, tight()), at + 8 == packed.size() ? "gz-checksum" : "gz-size");
  }
  EXPECT_EQ(rule_of(packed + "x", tight()), "gz-trailing-data");
  EXPECT_EQ(rule_of(packed + std::string(1, '\0'), tight()), "accept");
  ArchiveLimits small = tight();
  small.max_unpacked = 500'000;
  EXPECT_EQ(rule_of(packed, small), "limit-unpacked");
  small = tight();
  small.max_entries = 4;
  EXPECT_EQ(rule_of(packed, small), "limit-entries");
}

TEST_F(Omitting, DataAfterAnOmittedBodyIsNotPadding) {
  std::string odd = entries_;
  const std::size_t at = odd.find("short");
  odd[at + 512 + 100'001] = 'x';
  EXPECT_EQ(rule_of(tgz(odd), tight()), "tar-padding");
}

// Text and code are read whatever their size: more of them than memory is a limit of its own.
TEST_F(Omitting, HoldsNoMoreThanItMay) {
  ArchiveLimits limits = tight();
  limits.max_held = 200'000;
  EXPECT_EQ(rule_of(tgz(entries_), limits), "limit-held");
  const std::string text =
      package_json_entry() + tar_entry("package/x.js", std::string(300'000, 'x'));
  EXPECT_EQ(rule_of(tgz(text), limits), "limit-held");
  limits.max_held = 400'000;
  EXPECT_EQ(rule_of(tgz(text), limits), "accept");
}

TEST(ReadArchive, RefusesEveryTruncation) {
  const std::string file = tgz(package_json_entry() + tar_entry("package/x.js", "x"));
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_NE(rule_of(file.substr(0, size)), "accept") << size << " of " << file.size();
  }
}

TEST(ReadArchive, RefusesEveryTruncationOfTheTar) {
  const std::string tar =
      package_json_entry() + tar_entry("package/x.js", "x") + std::string(2 * kBlock, '\0');
  for (std::size_t size = 0; size < tar.size(); ++size) {
    EXPECT_NE(rule_of(gzip_compress(std::string_view(tar).substr(0, size))), "accept") << size;
  }
}

// The gzip header's time, flags for the method and system may be anything; no other byte of header
// and trailer may change.
TEST(ReadArchive, AccountsForEveryByteAroundTheDeflateStream) {
  const std::string file = tgz(package_json_entry());
  const std::string content = content_of(read(file).archive);
  std::set<std::size_t> free;
  for (std::size_t at = 0; at < file.size(); at = at == 9 ? file.size() - 8 : at + 1) {
    for (const int change : {0x01, 0x08, 0x80, 0xff}) {
      std::string changed = file;
      changed[at] = static_cast<char>(changed[at] ^ change);
      const ArchiveResult result = read(changed);
      if (result.refusal) continue;
      free.insert(at);
      EXPECT_EQ(content_of(result.archive), content) << "byte " << at;
    }
  }
  EXPECT_EQ(free, (std::set<std::size_t>{4, 5, 6, 7, 8, 9}));
}

// Which header bytes may hold something else, with a right checksum, and leave the rest of the
// archive as it was.
struct HeaderField {
  std::string name;
  std::size_t offset, size;
  bool may_change;
};

// The size is not among them: a larger one honestly swallows what follows.
const HeaderField kHeaderFields[] = {
    {"name", 0, 100, true},        {"mode", 100, 8, true},     {"uid", 108, 8, true},
    {"gid", 116, 8, true},         {"mtime", 136, 12, true},   {"type", 156, 1, false},
    {"linkname", 157, 100, false}, {"magic", 257, 8, false},   {"uname", 265, 32, true},
    {"gname", 297, 32, true},      {"devmajor", 329, 8, true}, {"devminor", 337, 8, true},
    {"prefix", 345, 131, false},   {"times", 476, 24, true},   {"tail", 500, 12, false},
};

// What parsers treat specially: ends, digits and their neighbours, separators, signs, line breaks,
// the top bit, parts of UTF-8.
const unsigned char kTellingBytes[] = {0,    1,    '\n', '\r', ' ',  '+', '-', '.',
                                       '/',  '0',  '1',  '7',  '8',  '=', 'L', 'x',
                                       '\\', 0x7f, 0x80, 0xc3, 0xe2, 0xff};

class HeaderByte : public ::testing::TestWithParam<HeaderField> {};

TEST_P(HeaderByte, NeverChangesAnotherEntry) {
  const std::string entries =
      package_json_entry() + tar_entry("package/x.js", "body") + tar_entry("package/last", "last");
  const std::size_t header = package_json_entry().size();
  const HeaderField& field = GetParam();
  bool accepted = false;
  for (std::size_t at = field.offset; at < field.offset + field.size; ++at) {
    for (const unsigned char value : kTellingBytes) {
      std::string changed = entries;
      if (changed[header + at] == static_cast<char>(value)) continue;
      changed[header + at] = static_cast<char>(value);
      fix_checksum(changed, header);
      const ArchiveResult result = read(tgz(changed));
      if (result.refusal) continue;
      accepted = true;
      ASSERT_EQ(result.archive.entries.size(), 3u) << "byte " << at << " = " << int{value};
      EXPECT_EQ(result.archive.entries[0].path, "package/package.json");
      EXPECT_EQ(text_of(result.archive.entries[1].body), "body");
      EXPECT_EQ(result.archive.entries[2].path, "package/last");
    }
  }
  EXPECT_EQ(accepted, field.may_change);
}

INSTANTIATE_TEST_SUITE_P(Fields, HeaderByte, ::testing::ValuesIn(kHeaderFields),
                         [](const auto& field) { return field.param.name; });

TEST(ReadArchive, AccountsForEveryByteOfPaddingAndEnd) {
  const std::string tar = package_json_entry() + std::string(2 * kBlock, '\0');
  const std::size_t body_end = kBlock + std::string(R"({"name":"x","version":"1.0.0"})").size();
  for (std::size_t at = body_end; at < tar.size(); at += 13) {
    std::string changed = tar;
    changed[at] = '\x01';
    EXPECT_NE(rule_of(gzip_compress(changed)), "accept") << at;
  }
}

// Work grows with the number of entries, not with its square: 50,000 of them under one another's
// names.
TEST(ReadArchive, ReadsManyEntries) {
  std::string entries = package_json_entry();
  const int count = 50'000;
  entries.reserve(static_cast<std::size_t>(count + 10) * kBlock);
  for (int i = 0; i < count; ++i) {
    entries += tar_header("package/d" + std::to_string(i % 100) + "/f" + std::to_string(i), 0);
  }
  const ArchiveResult result = read(tgz(entries), {.max_ratio = 2000});
  ASSERT_FALSE(result.refusal) << result.refusal->detail;
  EXPECT_EQ(result.archive.entries.size(), static_cast<std::size_t>(count + 1));
}

TEST(ArchiveRules, HaveUniqueIdsAndASentence) {
  std::set<std::string_view> ids;
  for (const ArchiveRule& rule : archive_rules()) {
    EXPECT_TRUE(ids.insert(rule.id).second) << rule.id;
    EXPECT_EQ(rule.sentence.back(), '.') << rule.id;
    EXPECT_GT(rule.sentence.size(), 20u) << rule.id;
  }
}

}  // namespace
}  // namespace npmgate
