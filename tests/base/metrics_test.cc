#include "base/metrics.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <thread>
#include <vector>

namespace npmgate {
namespace {

TEST(Metrics, CountersAddUpPerLabel) {
  Metrics metrics;
  metrics.add("served_total", R"(verdict="allow")");
  metrics.add("served_total", R"(verdict="allow")", 2);
  metrics.add("served_total", R"(verdict="block")");
  EXPECT_EQ(metrics.value("served_total", R"(verdict="allow")"), 3);
  EXPECT_EQ(metrics.value("served_total", R"(verdict="block")"), 1);
  EXPECT_EQ(metrics.value("served_total"), 0);
  EXPECT_EQ(metrics.value("unknown"), 0);
  EXPECT_EQ(metrics.render(),
            "# TYPE served_total counter\n"
            "served_total{verdict=\"allow\"} 3\n"
            "served_total{verdict=\"block\"} 1\n");
}

TEST(Metrics, GaugesAreReplaced) {
  Metrics metrics;
  metrics.set("workers", "", 4);
  metrics.set("workers", "", 1.5);
  EXPECT_EQ(metrics.value("workers"), 1.5);
  EXPECT_EQ(metrics.render(), "# TYPE workers gauge\nworkers 1.5\n");
}

TEST(Metrics, DescriptionNamesTypeAndHelp) {
  Metrics metrics;
  metrics.describe("up", "gauge", "Line one\nback\\slash");
  metrics.add("up", "");
  EXPECT_EQ(metrics.render(), "# HELP up Line one\\nback\\\\slash\n# TYPE up gauge\nup 1\n");
}

TEST(Metrics, DescriptionSurvivesLaterSet) {
  Metrics metrics;
  metrics.describe("seen_total", "counter", "x");
  metrics.set("seen_total", "", 7);
  EXPECT_EQ(metrics.render(), "# HELP seen_total x\n# TYPE seen_total counter\nseen_total 7\n");
}

TEST(Metrics, HistogramBucketsAreCumulative) {
  Metrics metrics;
  for (const double seconds : {0.0005, 0.001, 0.003, 29.0, 31.0}) {
    metrics.observe("wait_seconds", R"(door="tarball")", seconds);
  }
  const std::string text = metrics.render();
  for (const char* line :
       {"# TYPE wait_seconds histogram\n", "wait_seconds_bucket{door=\"tarball\",le=\"0.001\"} 2\n",
        "wait_seconds_bucket{door=\"tarball\",le=\"0.0025\"} 2\n",
        "wait_seconds_bucket{door=\"tarball\",le=\"0.005\"} 3\n",
        "wait_seconds_bucket{door=\"tarball\",le=\"10\"} 3\n",
        "wait_seconds_bucket{door=\"tarball\",le=\"30\"} 4\n",
        "wait_seconds_bucket{door=\"tarball\",le=\"+Inf\"} 5\n",
        "wait_seconds_sum{door=\"tarball\"} 60.0045\n",
        "wait_seconds_count{door=\"tarball\"} 5\n"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "in\n" << text;
  }
  EXPECT_EQ(metrics.value("wait_seconds", R"(door="tarball")"), 5);
}

TEST(Metrics, HistogramWithoutLabels) {
  Metrics metrics;
  metrics.observe("wait_seconds", "", 0.2);
  const std::string text = metrics.render();
  EXPECT_NE(text.find("wait_seconds_bucket{le=\"0.25\"} 1\n"), std::string::npos) << text;
  EXPECT_NE(text.find("wait_seconds_sum 0.2\n"), std::string::npos) << text;
}

TEST(Metrics, FamiliesAndLabelsAreSorted) {
  Metrics metrics;
  metrics.add("b", R"(x="2")");
  metrics.add("b", R"(x="1")");
  metrics.add("a");
  EXPECT_EQ(metrics.render(),
            "# TYPE a counter\na 1\n# TYPE b counter\nb{x=\"1\"} 1\nb{x=\"2\"} 1\n");
  EXPECT_EQ(Metrics().render(), "");
}

TEST(Metrics, DescribedFamilyWithoutSamplesIsListed) {
  Metrics metrics;
  metrics.describe("wait_seconds", "histogram", "Waiting time.");
  EXPECT_EQ(metrics.render(), "# HELP wait_seconds Waiting time.\n# TYPE wait_seconds histogram\n");
  EXPECT_EQ(metrics.value("wait_seconds"), 0);
}

struct NumberRow {
  double value;
  const char* text;
};

TEST(Metrics, NumbersAreShortAndExact) {
  for (const NumberRow& row :
       std::vector<NumberRow>{{0, "0"},
                              {-1, "-1"},
                              {0.1, "0.1"},
                              {1234567890123, "1234567890123"},
                              {1e21, "1e+21"},
                              {0.30000000000000004, "0.30000000000000004"}}) {
    Metrics metrics;
    metrics.set("n", "", row.value);
    EXPECT_EQ(metrics.render(), std::string("# TYPE n gauge\nn ") + row.text + "\n");
  }
}

TEST(Metrics, EveryHistogramHasEveryBucketOnce) {
  Metrics metrics;
  metrics.observe("h", R"(a="1")", 0.2);
  metrics.observe("h", R"(a="2")", 100);
  const std::string text = metrics.render();
  std::size_t buckets = 0;
  for (std::size_t at = text.find("h_bucket"); at != std::string::npos;
       at = text.find("h_bucket", at + 1)) {
    ++buckets;
  }
  EXPECT_EQ(buckets, 2U * 15U);
  EXPECT_NE(text.find("h_bucket{a=\"2\",le=\"30\"} 0\n"), std::string::npos) << text;
  EXPECT_NE(text.find("h_bucket{a=\"2\",le=\"+Inf\"} 1\n"), std::string::npos) << text;
}

TEST(Metrics, NumbersThatAreNone) {
  Metrics metrics;
  metrics.set("a", "", std::numeric_limits<double>::infinity());
  metrics.set("b", "", -std::numeric_limits<double>::infinity());
  metrics.set("c", "", std::numeric_limits<double>::quiet_NaN());
  const std::string text = metrics.render();
  EXPECT_NE(text.find("a +Inf\n"), std::string::npos);
  EXPECT_NE(text.find("b -Inf\n"), std::string::npos);
  EXPECT_NE(text.find("c NaN\n"), std::string::npos);
}

TEST(Metrics, ThreadsLoseNothing) {
  Metrics metrics;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&metrics] {
      for (int i = 0; i < 1000; ++i) {
        metrics.add("n");
        metrics.observe("h", "", 0.1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(metrics.value("n"), 4000);
  EXPECT_EQ(metrics.value("h"), 4000);
}

TEST(Metrics, SharesOfThreadsAreAddedUp) {
  Metrics metrics;
  metrics.add("requests_total", "kind=\"a\"");
  Metrics::Share& one = metrics.share("requests_total", "kind=\"a\"");
  Metrics::Share& two = metrics.share("requests_total", "kind=\"a\"");
  one.add();
  two.add();
  two.add();
  EXPECT_EQ(metrics.value("requests_total", "kind=\"a\""), 4);
  metrics.observe("seconds", "", 0.002);
  metrics.timing_share("seconds", "").observe(0.002);
  metrics.timing_share("seconds", "").observe(100);
  EXPECT_EQ(metrics.value("seconds"), 3);
  const std::string text = metrics.render();
  EXPECT_NE(text.find("requests_total{kind=\"a\"} 4\n"), std::string::npos) << text;
  EXPECT_NE(text.find("seconds_bucket{le=\"0.0025\"} 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("seconds_bucket{le=\"+Inf\"} 3\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace npmgate
