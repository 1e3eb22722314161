// The golden bills of tests/golden, and those among them that wait for something farebox
// doesn't do yet: waiting.txt has their names. What waits may differ; all else must agree.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "proxy/golden_bill.hpp"

namespace farebox::testing {

inline std::vector<GoldenBill> golden_bills() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(FAREBOX_SOURCE_DIR "/tests/golden")) {
    const auto& path = entry.path();
    if (path.extension() == ".json" && path.filename() != "price_facts.json") files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  std::vector<GoldenBill> all;
  for (const auto& path : files) {
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    auto bills = read_golden_bills(text, path.filename().string());
    if (!bills) {
      ADD_FAILURE() << bills.error().context;
      continue;
    }
    all.insert(all.end(), bills->begin(), bills->end());
  }
  return all;
}

inline std::set<std::string> waiting_bills() {
  std::set<std::string> names;
  std::ifstream file(FAREBOX_SOURCE_DIR "/tests/golden/waiting.txt");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    if (words >> name && !name.starts_with("#")) names.insert(name);
  }
  return names;
}

// Runs `differences_of` on every bill; nothing may differ but what waits.
inline void expect_agreement(
    const char* what,
    const std::function<std::vector<std::string>(const GoldenBill&)>& differences_of) {
  const std::set<std::string> waiting = waiting_bills();
  int agree = 0, waits = 0;
  const std::vector<GoldenBill> bills = golden_bills();
  EXPECT_GE(bills.size(), 300u);
  for (const GoldenBill& bill : bills) {
    const std::vector<std::string> differences = differences_of(bill);
    if (differences.empty()) {
      ++agree;
      continue;
    }
    std::string shown = bill.id + ":";
    for (const std::string& difference : differences) shown += "\n    " + difference;
    if (waiting.contains(bill.id)) {
      ++waits;
    } else {
      ADD_FAILURE() << shown;
    }
  }
  std::printf("golden bills, %s: %d agree, %d wait\n", what, agree, waits);
}

}  // namespace farebox::testing
