#include "config/price_json.hpp"

#include <algorithm>
#include <chrono>

#include "config/price_decimal.hpp"

namespace farebox::price_json {

std::string text_of(json::value value, std::string_view key) {
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS) {
    throw Mistake{"'" + std::string(key) + "' must be a string"};
  }
  return std::string(text);
}

std::uint64_t count_of(json::value value, std::string_view key) {
  std::uint64_t count = 0;
  if (value.get_uint64().get(count) != simdjson::SUCCESS) {
    throw Mistake{"'" + std::string(key) + "' must be a whole number"};
  }
  return count;
}

bool flag_of(json::value value, std::string_view key) {
  bool flag = false;
  if (value.get_bool().get(flag) != simdjson::SUCCESS) {
    throw Mistake{"'" + std::string(key) + "' must be true or false"};
  }
  return flag;
}

// A number is read from its own digits, never as a double.
Int128 price_of(json::value value, std::string_view key, int places, Int128 most) {
  const json::json_type type = value.type();
  std::string_view digits;
  if (type == json::json_type::string) {
    digits = value.get_string();
  } else if (type == json::json_type::number) {
    digits = value.raw_json_token();
    const std::size_t end = digits.find_last_not_of(" \t\r\n");
    digits = digits.substr(0, end + 1);
    double checked = 0;
    if (value.get_double().get(checked) != simdjson::SUCCESS) {
      throw Mistake{"'" + std::string(key) + "' is not a number"};
    }
  } else {
    throw Mistake{"'" + std::string(key) + "' must be a decimal such as \"0.075\""};
  }
  const Result<Int128> price = read_decimal(digits, places, most);
  if (!price) throw Mistake{"'" + std::string(key) + "': " + price.error().context};
  return *price;
}

constexpr int kAttodollarPlaces = 18;

int token_places(std::uint64_t token_unit) {
  if (token_unit == 1'000'000) return kAttodollarPlaces - 6;
  if (token_unit == 1'000) return kAttodollarPlaces - 3;
  if (token_unit == 1) return kAttodollarPlaces;
  throw Mistake{"'token_unit' must be 1, 1000 or 1000000"};
}

std::int32_t day_of(json::value value, std::string_view key) {
  const std::string text = text_of(value, key);
  int numbers[3] = {0, 0, 0};
  bool right = text.size() == 10 && text[4] == '-' && text[7] == '-';
  for (std::size_t i = 0; right && i < text.size(); ++i) {
    if (i == 4 || i == 7) continue;
    right = text[i] >= '0' && text[i] <= '9';
    int& number = numbers[i < 4 ? 0 : i < 7 ? 1 : 2];
    number = number * 10 + (text[i] - '0');
  }
  using namespace std::chrono;
  const year_month_day date = year(numbers[0]) / month(static_cast<unsigned>(numbers[1])) /
                              day(static_cast<unsigned>(numbers[2]));
  if (!right || !date.ok() || numbers[0] < 1970) {
    throw Mistake{"'" + std::string(key) + "' must be a date such as \"2026-09-01\""};
  }
  return static_cast<std::int32_t>(sys_days(date).time_since_epoch().count());
}

bool is_note(std::string_view key) {
  return key == "comment" || key == "source" || key == "date" || key == "price_page" ||
         key == "deprecation_date";
}

void SeenKeys::add(std::string_view key) {
  if (std::find(keys_.begin(), keys_.end(), key) != keys_.end()) {
    throw Mistake{"'" + std::string(key) + "' is there twice"};
  }
  keys_.push_back(key);
}

}  // namespace farebox::price_json
