#include "proxy/bill_rows.hpp"

namespace farebox {
namespace {

constexpr int kAttoPlaces = 18;   // of a dollar
constexpr int kYoctoPlaces = 24;  // of a count times a price times a factor
constexpr Int128 kMillion = 1'000'000;

bool is_token_class(std::string_view what) {
  for (std::size_t i = 0; i < kTokenClasses; ++i) {
    if (name_of(static_cast<TokenClass>(i)) == what) return true;
  }
  return false;
}

BillRow row_of(const BillLine& line) {
  BillRow row;
  row.what = line.what;
  row.count = std::to_string(line.count);
  if (!line.priced) return row;
  // Tokens are sold by the million; the table keeps the price of one.
  const bool tokens = is_token_class(line.what) && line.per == 1;
  row.usd = decimal_text(tokens ? line.attodollars * kMillion : line.attodollars, kAttoPlaces);
  row.per = tokens ? "1000000" : std::to_string(line.per);
  row.times = decimal_text(Int128(line.factor), 6);
  row.amount = decimal_text(line.yoctodollars, kYoctoPlaces);
  return row;
}

}  // namespace

std::string decimal_text(Int128 amount, int places) {
  std::string digits;
  const bool negative = amount < 0;
  for (Int128 rest = negative ? -amount : amount; rest != 0; rest /= 10) {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
  }
  const auto shown = static_cast<std::size_t>(places);
  if (digits.size() <= shown) digits.insert(0, shown + 1 - digits.size(), '0');
  if (places > 0) {
    digits.insert(digits.size() - shown, 1, '.');
    digits.erase(digits.find_last_not_of('0') + 1);
    if (digits.back() == '.') digits.pop_back();
  }
  return negative ? "-" + digits : digits;
}

std::vector<BillRow> rows_of(const ReplyBill& found) {
  std::vector<BillRow> rows;
  if (found.bill.reported) {
    rows.push_back({"as the provider states it", "1", found.bill.cost.decimal(), "1", "1",
                    found.bill.cost.decimal()});
    return rows;
  }
  for (const BillLine& line : found.lines) rows.push_back(row_of(line));
  return rows;
}

}  // namespace farebox
