// kill -9: what a call promised by returning is there afterwards, and nothing else is torn.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "store/disk/blob_store.h"
#include "store/sqlite/open_state_store.h"
#include "tests/store/store_support.h"

namespace npmgate::test {
namespace {

// Runs `work` in a child that reports every step it was promised, and kills it (SIGKILL) once
// `steps` were reported. Returns how many were: the child may have got further by then.
template <class Work>
int kill_after(int steps, Work work) {
  int pipe_ends[2];
  if (::pipe(pipe_ends) != 0) throw std::runtime_error("pipe");
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(pipe_ends[0]);
    try {
      work([&] {
        if (::write(pipe_ends[1], "x", 1) != 1) ::_exit(3);
      });
    } catch (...) {
      ::_exit(4);
    }
    ::_exit(5);  // work is expected never to end
  }
  ::close(pipe_ends[1]);
  int promised = 0;
  char byte;
  while (promised < steps && ::read(pipe_ends[0], &byte, 1) == 1) ++promised;
  ::kill(child, SIGKILL);
  while (::read(pipe_ends[0], &byte, 1) == 1) ++promised;
  ::close(pipe_ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "ended by itself: " << status;
  return promised;
}

TEST(Durability, StatePromisedIsThereAfterKill) {
  const TempDir dir;
  const int promised = kill_after(40, [&](auto promise) {
    auto store = must(open_state_store(dir.path()));
    for (int i = 0;; ++i) {
      const std::string version = std::to_string(i);
      must(store->pin({"left", version, "aa" + version + ":mm", "{}", at(i)}));
      must(store->add_decision(approval("left"), audit_entry("decision")));
      StateStore::PackumentSighting look;
      look.name = "p" + version;
      look.versions = {{"1.0.0", "x"}};
      must(store->record_sighting(look));
      must(store->ledger({LedgerEntry{at(i), "left", version, "c", {}, {}, {}, {}, {}}}));
      must(store->put_document(version, {"body of " + version, "e", "", at(i)}));
      promise();
    }
  });
  ASSERT_GE(promised, 40);
  auto store = must(open_state_store(dir.path()));
  const auto count = static_cast<std::size_t>(promised);
  EXPECT_GE(must(store->pins_of("left")).size(), count);
  EXPECT_GE(must(store->package_names()).size(), count);
  EXPECT_GE(must(store->downloads("left", 100'000)).size(), count);
  AuditFilter everything;
  everything.limit = 100'000;
  const auto decisions = must(store->decisions());
  EXPECT_GE(decisions.size(), count);
  EXPECT_EQ(must(store->audit_log(everything)).size(), decisions.size())
      << "a decision and its line are one";
  for (int i = 0; i < promised; ++i) {
    const auto document = must(store->document(std::to_string(i)));
    ASSERT_TRUE(document) << i;
    EXPECT_EQ(document->body, "body of " + std::to_string(i));
  }
}

TEST(Durability, BlobsPromisedAreThereAfterKillAndLeftoversAreNot) {
  const TempDir dir;
  const std::string filler(20'000, 'f');
  const auto content = [&](int i) { return "blob " + std::to_string(i) + filler; };
  const int promised = kill_after(40, [&](auto promise) {
    auto store = must(open_blob_store(dir.path("b")));
    auto abandoned = must(store->create({}));
    must(abandoned->append("never finished"));
    for (int i = 0;; ++i) {
      auto writer = must(store->create({}));
      must(writer->append(content(i)));
      must(writer->commit());
      promise();
    }
  });
  ASSERT_GE(promised, 40);
  EXPECT_FALSE(files_below(dir.path("b/tmp")).empty());
  auto store = must(open_blob_store(dir.path("b")));
  EXPECT_TRUE(files_below(dir.path("b/tmp")).empty());
  for (int i = 0; i < promised; ++i) {
    EXPECT_TRUE(must(store->read(digest(Algorithm::kSha512, content(i)).hex())) == content(i));
  }
  for (const std::string& file : files_below(dir.path("b/tarballs"))) {
    const std::string name = std::filesystem::path(file).filename().string();
    const std::string shard = std::filesystem::path(file).parent_path().filename().string();
    EXPECT_EQ(digest(Algorithm::kSha512, read_file(file)).hex(), shard + name)
        << "a visible blob is complete";
  }
}

}  // namespace
}  // namespace npmgate::test
