// TextTable: rows of cells as aligned lines, for a terminal. A plain value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace farebox {

class TextTable {
 public:
  enum class Align : std::uint8_t { left, right };

  void add_column(std::string_view title, Align align);

  // One cell for each column. What a terminal would obey instead of show becomes '?': names
  // of models and projects come from whoever sends requests.
  void add_row(const std::vector<std::string>& cells);

  // Lines with the titles first, two blanks between columns, none at the ends.
  std::string text() const;

 private:
  std::vector<Align> aligns_;
  std::vector<std::vector<std::string>> rows_{1};  // the first one is the titles
};

// Without what a terminal would obey instead of show: each such character becomes '?'.
std::string printable(std::string_view text);

// 1234567 as 1,234,567. `digits` is a whole number as text.
std::string with_thousands(std::string_view digits);

}  // namespace farebox
