#include "sigstore/checkpoint.h"

#include <gtest/gtest.h>

#include "sigstore/crypto.h"

namespace npmgate::sigstore {
namespace {

const std::string kRoot = encode_base64(std::string(32, 'r'));
const std::string kLine = "\xe2\x80\x94 log.example " + encode_base64("hintsignature") + "\n";

TEST(Checkpoint, ReadsHeadFurtherLinesAndSignatures) {
  const auto note =
      parse_checkpoint("log.example - 12\n345\n" + kRoot + "\nmore\n\n" + kLine + kLine);
  ASSERT_TRUE(note);
  EXPECT_EQ(note->origin, "log.example - 12");
  EXPECT_EQ(note->size, 345U);
  EXPECT_EQ(note->root_hash, std::string(32, 'r'));
  EXPECT_EQ(note->text, "log.example - 12\n345\n" + kRoot + "\nmore\n");
  ASSERT_EQ(note->signatures.size(), 2U);
  EXPECT_EQ(note->signatures[0].name, "log.example");
  EXPECT_EQ(note->signatures[0].key_hint, "hint");
  EXPECT_EQ(note->signatures[0].signature, "signature");
}

TEST(Checkpoint, RefusesEverythingElse) {
  const std::string head = "log.example\n345\n" + kRoot + "\n";
  std::string many;
  for (int i = 0; i < 33; ++i) many += kLine;
  const struct {
    const char* why;
    std::string note;
  } rows[] = {
      {"empty", ""},
      {"no signatures", head + "\n"},
      {"no empty line", head + kLine},
      {"no origin", "\n345\n" + kRoot + "\n\n" + kLine},
      {"no size", "log.example\n" + kRoot + "\n\n" + kLine},
      {"size with a zero before it", "log.example\n0345\n" + kRoot + "\n\n" + kLine},
      {"size over 64 bits", "log.example\n99999999999999999999\n" + kRoot + "\n\n" + kLine},
      {"no root hash", "log.example\n345\n\n" + kLine},
      {"short root hash", "log.example\n345\nYWJj\n\n" + kLine},
      {"last line not ended", head + "\n" + kLine.substr(0, kLine.size() - 1)},
      {"a hyphen for the dash", head + "\n- log.example YWJjZGVm\n"},
      {"no name", head + "\n\xe2\x80\x94  YWJjZGVm\n"},
      {"hint alone", head + "\n\xe2\x80\x94 log.example YWJjZA==\n"},
      {"not base64", head + "\n\xe2\x80\x94 log.example ????\n"},
      {"text between signatures", head + "\n" + kLine + "\n" + kLine},
      {"too many signatures", head + "\n" + many},
  };
  for (const auto& row : rows) EXPECT_FALSE(parse_checkpoint(row.note)) << row.why;
}

}  // namespace
}  // namespace npmgate::sigstore
