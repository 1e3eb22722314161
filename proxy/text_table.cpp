#include "proxy/text_table.hpp"

#include <algorithm>

#include "config/base/check.hpp"

namespace farebox {
namespace {

// Code points; good enough for names, though wide characters take two places.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

}  // namespace

// C0 and C1 controls (U+0000 to U+001F, U+007F to U+009F).
std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    const bool c1 = octet == 0xC2 && i + 1 < text.size() &&
                    static_cast<unsigned char>(text[i + 1]) < 0xA0;
    if (c1) ++i;
    out += octet < 0x20 || octet == 0x7F || c1 ? '?' : text[i];
  }
  return out;
}

void TextTable::add_column(std::string_view title, Align align) {
  CHECK(rows_.size() == 1);
  aligns_.push_back(align);
  rows_.front().emplace_back(title);
}

void TextTable::add_row(const std::vector<std::string>& cells) {
  CHECK(cells.size() == aligns_.size());
  std::vector<std::string>& row = rows_.emplace_back();
  for (const std::string& cell : cells) row.push_back(printable(cell));
}

std::string TextTable::text() const {
  std::vector<std::size_t> widths(aligns_.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string blanks(widths[i] - width(row[i]), ' ');
      if (i != 0) line += "  ";
      line += aligns_[i] == Align::right ? blanks + row[i] : row[i] + blanks;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

std::string with_thousands(std::string_view digits) {
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

}  // namespace farebox
