// The parts behind read_archive, each alone: paths, collisions, pax records, and the comparison
// with libarchive.
#include <gtest/gtest.h>

#include "base/text.h"
#include "inspect/archive/libarchive_check.h"
#include "inspect/archive/normal_form.h"
#include "inspect/archive/path_rules.h"
#include "inspect/archive/pax.h"
#include "inspect/archive/tar_header.h"
#include "inspect/archive/tar_verifier.h"
#include "tests/inspect/archive/tar_builder.h"
#include "tests/support/table.h"

namespace npmgate {
namespace {

using testing::bytes_of;
using testing::fix_checksum;
using testing::kBlock;
using testing::package_json_entry;
using testing::pax_record;
using testing::tar_entry;
using testing::tar_header;

// Paths.
struct PathRow {
  std::string_view name, raw;
  bool directory;
  std::string_view expected;  // the cleaned path, or the rule
};

const std::string kLongestPath = "package/" + std::string(255, 'n') + "/x";
const std::string kTooLongPath = "package/" + std::string(256, 'n') + "/x";

const PathRow kPathRows[] = {
    {"plain", "package/x.js", false, "package/x.js"},
    {"deep", "a/b/c/d/e", false, "a/b/c/d/e"},
    {"inner_dot", "package/./x.js", false, "package/x.js"},
    {"inner_dots", "package/././d/./x.js", false, "package/d/x.js"},
    {"hidden", "package/.npmrc", false, "package/.npmrc"},
    {"leading_dots", "package/..x", false, "package/..x"},
    {"blanks", "package/a b .c", false, "package/a b .c"},
    {"colon", "package/foo:bar.md", false, "package/foo:bar.md"},
    {"tilde", "package/x~", false, "package/x~"},
    {"tilde_word", "package/a~HEAD", false, "package/a~HEAD"},
    {"long_tilde", "package/package~1.json", false, "package/package~1.json"},
    {"directory", "package/d", true, "package/d"},
    {"directory_slash", "package/d/", true, "package/d"},
    {"directory_slashes", "package/d//", true, "path-empty-segment"},
    {"file_slash", "package/d/", false, "path-empty-segment"},
    {"empty", "", false, "path-empty"},
    {"slash", "/", true, "path-absolute"},
    {"slashes", "//server/share", false, "path-absolute"},
    {"dot", ".", true, "path-dot-segment"},
    {"dot_slash", "./", true, "path-dot-segment"},
    {"dot_first", "./package/x", false, "path-dot-segment"},
    {"dot_last", "package/.", true, "path-dot-segment"},
    {"dot_dot", "package/..", true, "path-dot-segment"},
    {"three_dots", "package/.../x", false, "path-dot-segment"},
    {"dots_and_blanks", "package/. ./x", false, "path-dot-segment"},
    {"backslash", "package\\x", false, "path-backslash"},
    {"drive", "C:x", false, "path-drive"},
    {"inner_drive", "package/z:/x", false, "path-drive"},
    {"nul", std::string_view("package/a\0b", 11), false, "path-control"},
    {"delete", "package/a\x7f", false, "path-control"},
    {"next_line", "package/a\u0085", false, "path-control"},
    {"paragraph", "package/a\u2029", false, "path-control"},
    {"byte_order_mark", "package/\ufeffx", false, "path-control"},
    {"latin1", "package/\xe9", false, "path-utf8"},
    {"cut_off", "package/\xc3", false, "path-utf8"},
    {"overlong", "package/\xc1\xaf", false, "path-utf8"},
    {"beyond_unicode", "package/\xf4\x90\x80\x80", false, "path-utf8"},
    {"longest_name", kLongestPath, false, kLongestPath},
    {"too_long_name", kTooLongPath, false, "path-long-name"},
    {"short_name", "package/INSTAL~1.JS", false, "path-short-name"},
    {"short_name_plain", "package/lib~12", false, "path-short-name"},
    {"short_directory", "package/NODE_M~1/x", false, "path-short-name"},
};

class CleanPath : public ::testing::TestWithParam<PathRow> {};

TEST_P(CleanPath, CleansOrRefuses) {
  const PathRow& row = GetParam();
  const PathResult result = clean_path(row.raw, row.directory, "here", {});
  EXPECT_EQ(result.refusal ? result.refusal->rule : result.path, row.expected);
}

INSTANTIATE_TEST_SUITE_P(Rows, CleanPath, ::testing::ValuesIn(kPathRows), kRowName);

struct CollisionRow {
  std::string_view name, a, b;
  bool same;
};

const CollisionRow kCollisionRows[] = {
    {"ascii_case", "package/Index.JS", "package/index.js", true},
    {"directory_case", "package/Lib/x", "package/lib/x", true},
    {"sharp_s", "stra\u00dfe", "STRASSE", true},
    {"final_sigma", "\u03c3", "\u03c2", true},
    {"dotted_i", "\u0130", "i\u0307", true},
    {"dotless_i", "\u0131", "I", true},
    {"composed", "\u00e9", "e\u0301", true},
    {"ligature", "\ufb01le", "file", true},
    {"full_width", "\uff41", "a", true},
    {"kelvin", "\u212a", "k", true},
    {"zero_width", "a\u200db", "ab", true},
    {"soft_hyphen", "a\u00adb", "ab", true},
    {"final_dot", "a.", "a", true},
    {"final_dots_and_blanks", "a. .", "a", true},
    {"directory_final_dot", "d./x", "d/x", true},
    {"stream", "a::$DATA", "a", true},
    {"directory_stream", "d::$INDEX_ALLOCATION/x", "d/x", true},
    {"stream_and_dot", "a.::$Data", "a", true},
    {"other_letters", "a", "b", false},
    {"inner_dot", "a.b", "ab", false},
    {"leading_dot", ".a", "a", false},
    {"inner_blank", "a b", "ab", false},
    {"accent", "\u00e9", "e", false},
    {"colon", "a:b", "a", false},
    {"full_width_slash", "a\uff0fb", "a/b", false},
    {"nesting", "a/b", "ab", false},
};

class CollisionKey : public ::testing::TestWithParam<CollisionRow> {};

TEST_P(CollisionKey, IsEqualForNamesOfOneFile) {
  const CollisionRow& row = GetParam();
  EXPECT_EQ(collision_key(row.a) == collision_key(row.b), row.same);
}

INSTANTIATE_TEST_SUITE_P(Rows, CollisionKey, ::testing::ValuesIn(kCollisionRows), kRowName);

TEST(CollisionKey, SortsADirectoryRightBeforeItsContent) {
  EXPECT_LT(collision_key("package/lib"), collision_key("package/lib/a"));
  EXPECT_LT(collision_key("package/lib/z"), collision_key("package/lib a"));
  EXPECT_LT(collision_key("package/lib/z"), collision_key("package/lib-a"));
}

// Pax records.
struct PaxRow {
  std::string_view name;
  std::string body;
  bool global;
  std::string_view rule;  // "" if it is accepted
};

std::vector<PaxRow> pax_rows() {
  const auto one = [](std::string_view key, std::string_view value) {
    return pax_record(key, value);
  };
  return {
      {"path", one("path", "package/x"), false, ""},
      {"all_known",
       one("path", "a/b") + one("size", "3") + one("uid", "0") + one("gid", "1") +
           one("uname", "root") + one("gname", "") + one("mtime", "1.5") + one("atime", "-1") +
           one("ctime", "0") + one("comment", "a=b") + one("charset", "BINARY") +
           one("SCHILY.dev", "1") + one("SCHILY.ino", "2") + one("SCHILY.nlink", "3") +
           one("NODETAR.package.name", "x"),
       false, ""},
      {"global_comment", one("comment", "0123"), true, ""},
      {"global_path", one("path", "a/b"), true, "pax-global-key"},
      {"global_size", one("size", "1"), true, "pax-global-key"},
      {"linkpath", one("linkpath", "x"), false, "pax-key"},
      {"case_of_key", one("Path", "a/b"), false, "pax-key"},
      {"vendor", one("SCHILY.xattr.user.x", "y"), false, ""},
      {"vendor_in_lines", one("SCHILY.xattr.user.x", "y\nz"), false, "pax-value"},
      {"sparse", one("SCHILY.realsize", "7"), false, "pax-key"},
      {"holes", one("SUN.holesdata", " 0 7"), false, "pax-key"},
      {"prefix_of_vendor", one("NODETAR", "y"), false, "pax-key"},
      {"repeated", one("mtime", "1") + one("mtime", "1"), false, "pax-duplicate-key"},
      {"size_sign", one("size", "+1"), false, "pax-value"},
      {"size_blank", one("size", " 1"), false, "pax-value"},
      {"size_empty", one("size", ""), false, "pax-value"},
      {"size_huge", one("size", "99999999999999999999"), false, "pax-value"},
      {"time_exponent", one("mtime", "1e9"), false, "pax-value"},
      {"time_dot", one("mtime", "1."), false, "pax-value"},
      {"text_nul", one("uname", std::string_view("a\0b", 3)), false, "pax-value"},
      {"text_newline", one("comment", "a\nb"), false, "pax-value"},
      {"text_not_utf8", one("comment", "\xff"), false, "pax-value"},
      {"none", "", false, "pax-malformed"},
      {"newline_only", "\n", false, "pax-malformed"},
      {"zero_length", "0 path=x\n", false, "pax-malformed"},
      {"leading_zero", "010 path=x\n", false, "pax-malformed"},
      {"sign", "+9 path=x\n", false, "pax-malformed"},
      {"negative", "-9 path=x\n", false, "pax-malformed"},
      {"hex", "0x9 path=x\n", false, "pax-malformed"},
      {"blank_first", " 10 path=x\n", false, "pax-malformed"},
      {"tab", "9\tpath=x\n", false, "pax-malformed"},
      {"too_short", "8 path=x\n", false, "pax-malformed"},
      {"too_long", "11 path=x\n", false, "pax-malformed"},
      {"digits_only", "12", false, "pax-malformed"},
      {"length_of_itself", "3 \n", false, "pax-malformed"},
      {"no_equals", "7 path\n", false, "pax-malformed"},
      {"overflow", "18446744073709551617 path=x\n", false, "pax-malformed"},
      {"rest", one("path", "a/b") + std::string(3, '\0'), false, "pax-malformed"},
  };
}

class ParsePax : public ::testing::TestWithParam<PaxRow> {};

TEST_P(ParsePax, AcceptsOrNamesTheRule) {
  const PaxRow& row = GetParam();
  const PaxResult result = parse_pax(row.body, row.global, "here");
  EXPECT_EQ(result.refusal ? result.refusal->rule : "", row.rule);
}

INSTANTIATE_TEST_SUITE_P(Rows, ParsePax, ::testing::ValuesIn(pax_rows()), kRowName);

TEST(ParsePax, GivesPathAndSize) {
  const PaxResult result =
      parse_pax(pax_record("path", "a/=b") + pax_record("size", "123"), false, "");
  EXPECT_EQ(result.records.path, "a/=b");
  EXPECT_EQ(result.records.size, 123u);
}

// Numbers in headers.
struct NumberRow {
  std::string_view name, field;  // of the size
  std::optional<std::uint64_t> value;
};

const NumberRow kNumberRows[] = {
    {"zeros", std::string_view("00000000012\0", 12), 10},
    {"blank_end", "00000000012 ", 10},
    {"blank_and_nul_end", std::string_view("0000000012 \0", 12), 10},
    {"short", std::string_view("12\0\0\0\0\0\0\0\0\0\0", 12), 10},
    {"blanks_first", std::string_view("         12\0", 12), 10},
    {"largest", std::string_view("77777777777\0", 12), 077777777777},
    {"no_end", "000000000012", std::nullopt},
    {"digit_8", std::string_view("00000000018\0", 12), std::nullopt},
    {"sign", std::string_view("+0000000012\0", 12), std::nullopt},
    {"nul_first",
     std::string_view("\0"
                      "0000000012\0",
                      12),
     std::nullopt},
    {"text_after_end", std::string_view("12\0 12\0\0\0\0\0\0", 12), std::nullopt},
    {"blank_inside", std::string_view("1 2\0\0\0\0\0\0\0\0\0", 12), std::nullopt},
    {"tab", std::string_view("\t0000000012\0", 12), std::nullopt},
    {"blanks", "            ", std::nullopt},
    {"empty", std::string_view("\0\0\0\0\0\0\0\0\0\0\0\0", 12), std::nullopt},
};

class HeaderNumber : public ::testing::TestWithParam<NumberRow> {};

TEST_P(HeaderNumber, IsPlainOctalWithAnEnd) {
  const NumberRow& row = GetParam();
  ASSERT_EQ(row.field.size(), 12u);
  std::string block = tar_header("package/x", 0);
  block.replace(124, 12, row.field);
  fix_checksum(block, 0);
  const TarHeaderResult result = parse_tar_header(bytes_of(block), "here");
  if (row.value) {
    ASSERT_FALSE(result.refusal) << result.refusal->detail;
    EXPECT_EQ(result.header.size, *row.value);
  } else {
    ASSERT_TRUE(result.refusal);
    EXPECT_EQ(result.refusal->rule, "tar-number");
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, HeaderNumber, ::testing::ValuesIn(kNumberRows), kRowName);

TEST(Utf8, KnowsValidFromInvalid) {
  for (const std::string_view valid : {"", "abc", "\u00e9", "\u4e16", "\U0001f600", "\uffff"}) {
    EXPECT_TRUE(is_utf8(valid)) << valid;
  }
  for (const std::string_view invalid :
       {"\x80", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "a\xe4\xb8"}) {
    EXPECT_FALSE(is_utf8(invalid));
  }
}

TEST(Utf8, KnowsComposedFromDecomposed) {
  for (const std::string_view composed : {"", "abc", "\u00e9", "\u4e16\uac00", "\ufb01"}) {
    EXPECT_TRUE(is_nfc(composed)) << composed;
  }
  for (const std::string_view other :
       {"e\u0301", "\u1112\u1161", "\u212b", "a\u0323\u0307\u0323", "\xff"}) {
    EXPECT_FALSE(is_nfc(other)) << other;
  }
}

// No accepted archive is known that libarchive reads otherwise, so here our own list is made wrong
// in each respect.
class Walk : public ::testing::Test {
 protected:
  Walk() {
    tar_ = package_json_entry() + tar_entry("package/d/", "", '5', 0755) +
           tar_entry("package/x.js", std::string(70'000, 'x')) + std::string(2 * kBlock, '\0');
    const auto bytes = bytes_of(tar_);
    image_.data.assign(bytes.begin(), bytes.end());
    EXPECT_EQ(verify_tar(image_, {}, entries_), std::nullopt);
  }

  std::string compare() const {
    const auto refusal = compare_with_libarchive(image_, entries_);
    return refusal ? refusal->rule + ": " + refusal->detail : "same";
  }

  std::string tar_;
  TarImage image_;
  std::vector<TarEntry> entries_;
};

TEST_F(Walk, AgreesWithTheVerifier) {
  EXPECT_EQ(compare(), "same");
}

TEST_F(Walk, NoticesAnotherName) {
  entries_[2].raw_path = "package/y.js";
  EXPECT_EQ(
      compare(),
      "walk-differs: libarchive reads another name, type or size for \"package/y.js\" at byte "
      "1536 of the unpacked archive");
}

TEST_F(Walk, NoticesAnotherType) {
  entries_[1].directory = false;
  EXPECT_NE(compare().find("another name, type or size for \"package/d/\""), std::string::npos);
}

TEST_F(Walk, NoticesAnotherSize) {
  entries_[2].size = 69'999;
  EXPECT_NE(compare().find("another name, type or size"), std::string::npos);
}

TEST_F(Walk, NoticesOtherBytes) {
  const std::string other(70'000, 'y');
  entries_[2].body = bytes_of(other);
  EXPECT_NE(compare().find("other bytes for \"package/x.js\""), std::string::npos);
}

TEST_F(Walk, NoticesAMissingEntry) {
  entries_.pop_back();
  EXPECT_EQ(compare(), "walk-differs: libarchive reads more entries");
}

TEST_F(Walk, NoticesAnEntryTooMany) {
  entries_.push_back(entries_.back());
  EXPECT_NE(compare().find("libarchive reads no entry"), std::string::npos);
}

TEST_F(Walk, NoticesAnUnreadableArchive) {
  image_.data.assign(kBlock * 4, std::byte{'x'});
  EXPECT_TRUE(compare().starts_with("walk-differs")) << compare();
}

}  // namespace
}  // namespace npmgate
