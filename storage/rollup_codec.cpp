// The stored form of a RollupTable.
//
//   table      := version:1 body crc32:4             the checksum is of version and body
//   body       := first last-first rows dictionary*8 column*20
//   dictionary := count size*count name*count        the names without anything between
//   column     := width:1 (value:width)*rows         width 0-8; 0: every value is zero
//
// Numbers are varints, the checksum is big-endian, values are little-endian. Dictionaries
// stand in the order of Dimension. Columns: the eight numbers of a row's names, then
// requests, errors, unpriced, input, output, cached_input, cache_write, reasoning, then
// cost as zigzag of 128 bits: its upper 64 bits, its lower 64 bits; then corrections in the
// same way, which version 1 doesn't have.
//
// A column has one width instead of varints because a million rows are read for one
// answer: this is a fraction of the work, and about the same size.
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <span>

#include "storage/octets.hpp"
#include "storage/rollup_rows.hpp"

namespace farebox {
namespace {

static_assert(std::endian::native == std::endian::little, "columns are copied as they are");

constexpr std::uint8_t kVersion = 2;
constexpr std::size_t kChecksumSize = 4;
constexpr std::size_t kBlock = 128;

// Some 1e21 dollars in one row. No bill gets there, and sums of damaged rows can't overflow.
constexpr std::uint64_t kMostOfUpperCost = (std::uint64_t{1} << 48) - 1;

using Column = std::vector<std::uint64_t>;

constexpr Tokens UsageSums::* kCounters[] = {
    &UsageSums::requests,     &UsageSums::errors,      &UsageSums::unpriced,
    &UsageSums::input,        &UsageSums::output,      &UsageSums::cached_input,
    &UsageSums::cache_write,  &UsageSums::reasoning,
};

constexpr Money UsageSums::* kAmounts[] = {&UsageSums::cost, &UsageSums::corrections};

constexpr std::size_t kColumns = kDimensions + std::size(kCounters) + 2 * std::size(kAmounts);
constexpr std::size_t kAmountsOfVersion1 = 1;

std::uint32_t checksum(std::string_view octets) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(octets.data()), octets.size()));
}

UInt128 zigzag(Money money) {
  const Int128 amount = money.picodollars();
  return (static_cast<UInt128>(amount) << 1) ^ static_cast<UInt128>(amount >> 127);
}

Money unzigzag(UInt128 value) {
  return Money::picodollars(static_cast<Int128>((value >> 1) ^ (~(value & 1) + 1)));
}

void put_dictionary(std::string& out, const NameDictionary& names) {
  OctetWriter put(out);
  put.varint(names.size());
  for (std::uint32_t number = 0; number < names.size(); ++number) {
    put.varint(names.name(number).size());
  }
  put.raw(names.octets());
}

bool get_dictionary(OctetReader& in, NameDictionary& names) {
  const std::uint64_t count = in.varint();
  // A size takes an octet at least, so what is there bounds what is allocated.
  if (count > in.rest().size()) return false;
  std::vector<std::uint32_t> ends;
  ends.reserve(static_cast<std::size_t>(count));
  std::uint64_t end = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t size = in.varint();
    if (size > in.rest().size()) return false;
    end += size;
    if (end > in.rest().size()) return false;
    ends.push_back(static_cast<std::uint32_t>(end));
  }
  names.assign(std::string(in.raw(end)), std::move(ends));
  return in.good();
}

void put_column(std::string& out, const Column& column) {
  std::uint64_t all = 0;
  for (const std::uint64_t value : column) all |= value;
  const auto width = static_cast<std::size_t>((std::bit_width(all) + 7) / 8);
  OctetWriter(out).octet(static_cast<std::uint8_t>(width));
  std::size_t place = out.size();
  out.resize(place + width * column.size());
  for (const std::uint64_t value : column) {
    std::memcpy(out.data() + place, &value, width);
    place += width;
  }
}

// Where a column stands in the octets.
struct StoredColumn {
  std::size_t width = 0;
  const char* values = nullptr;
  const char* readable = nullptr;  // the end of what may be read, at or behind the values
};

std::optional<StoredColumn> find_column(OctetReader& in, std::size_t rows) {
  const std::size_t width = in.octet();
  if (width > sizeof(std::uint64_t)) return std::nullopt;
  const std::string_view values = in.raw(std::uint64_t{width} * rows);
  if (!in.good()) return std::nullopt;
  return StoredColumn{width, values.data(), in.rest().data() + in.rest().size()};
}

// The rows that are filled at a time; they stay in the nearest cache while all columns
// pass over them.
struct Block {
  std::size_t begin;
  std::size_t end;
};

// Calls `set(row, value)`. The width is known to the compiler, which makes a value one
// load; where that is wider than the value, the last ones must not reach too far.
template <std::size_t kWidth, class Set>
void read_values(const StoredColumn& column, Block block, const Set& set) {
  const char* from = column.values + block.begin * kWidth;
  std::size_t row = block.begin;
  if constexpr (!std::has_single_bit(kWidth)) {
    constexpr std::uint64_t kMask = (std::uint64_t{1} << 8 * kWidth) - 1;
    for (; row < block.end && column.readable - from >= 8; ++row, from += kWidth) {
      std::uint64_t value;
      std::memcpy(&value, from, 8);
      set(row, value & kMask);
    }
  }
  for (; row < block.end; ++row, from += kWidth) {
    std::uint64_t value = 0;
    std::memcpy(&value, from, kWidth);
    set(row, value);
  }
}

template <class Set>
void read_column(const StoredColumn& column, Block block, const Set& set) {
  switch (column.width) {
    case 0:
      for (std::size_t row = block.begin; row < block.end; ++row) set(row, 0);
      break;
    case 1: read_values<1>(column, block, set); break;
    case 2: read_values<2>(column, block, set); break;
    case 3: read_values<3>(column, block, set); break;
    case 4: read_values<4>(column, block, set); break;
    case 5: read_values<5>(column, block, set); break;
    case 6: read_values<6>(column, block, set); break;
    case 7: read_values<7>(column, block, set); break;
    default: read_values<8>(column, block, set); break;
  }
}

// Where a name stands in a dictionary, which is read to its end.
struct NamePlace {
  std::uint64_t number;
  std::uint64_t count;  // of names; the number where it isn't there
};

std::optional<NamePlace> find_name(OctetReader& in, std::string_view wanted) {
  const std::uint64_t count = in.varint();
  if (count > in.rest().size()) return std::nullopt;
  OctetReader sizes = in;
  std::uint64_t end = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t size = in.varint();
    if (size > in.rest().size()) return std::nullopt;
    end += size;
  }
  const std::string_view names = in.raw(end);
  if (!in.good()) return std::nullopt;
  NamePlace place{count, count};
  if (wanted.empty()) return place;
  std::size_t begin = 0;
  for (std::uint64_t i = 0; i < count && place.number == count; ++i) {
    const auto size = static_cast<std::size_t>(sizes.varint());
    if (names.substr(begin, size) == wanted) place.number = i;
    begin += size;
  }
  return place;
}

Error damaged(std::string_view what) {
  return Error(ErrorCode::io_failed, "a table of rollups is damaged: " + std::string(what));
}

// What stands behind the version.
Result<std::string_view> body_of(std::string_view octets, std::uint8_t& version) {
  if (octets.size() <= kChecksumSize) return damaged("it is cut short");
  if (octets.size() > ~std::uint32_t{0}) return damaged("it is too large");
  const std::string_view body = octets.substr(0, octets.size() - kChecksumSize);
  if (OctetReader(octets.substr(body.size())).fixed32() != checksum(body)) {
    return damaged("its checksum doesn't fit");
  }
  OctetReader in(body);
  version = in.octet();
  if (version == 0 || version > kVersion) return damaged("it has an unknown version");
  return in.rest();
}

std::size_t columns_of(std::uint8_t version) {
  const std::size_t amounts = version == 1 ? kAmountsOfVersion1 : std::size(kAmounts);
  return kDimensions + std::size(kCounters) + 2 * amounts;
}

// The columns, which are all that is left of a body.
Result<void> find_columns(OctetReader& in, std::uint64_t rows, std::span<StoredColumn> columns) {
  // Every row has requests or a correction, which take an octet at least: what is there
  // bounds what is allocated.
  if (rows > in.rest().size()) return damaged("its rows are cut short");
  for (StoredColumn& column : columns) {
    const auto found = find_column(in, static_cast<std::size_t>(rows));
    if (!found) return damaged("its rows are cut short");
    column = *found;
  }
  if (!in.good() || !in.rest().empty()) return damaged("it has octets too many");
  return {};
}

}  // namespace

void RollupTable::encode(std::string& out) const {
  const Impl& own = *impl_;
  const std::size_t begin = out.size();
  OctetWriter put(out);
  put.octet(kVersion);
  put.varint(own.first);
  put.varint(own.last - own.first);
  put.varint(own.rows.size());
  for (const NameDictionary& names : own.names) put_dictionary(out, names);

  Column column(own.rows.size());
  const auto put_values = [&](const auto& value_of_row) {
    std::ranges::transform(own.rows, column.begin(), value_of_row);
    put_column(out, column);
  };
  for (std::size_t i = 0; i < kDimensions; ++i) {
    put_values([i](const Impl::Row& row) { return row.names[i]; });
  }
  for (const auto counter : kCounters) {
    put_values([counter](const Impl::Row& row) { return row.sums.*counter; });
  }
  for (const auto amount : kAmounts) {
    put_values([amount](const Impl::Row& row) {
      const auto upper = static_cast<std::uint64_t>(zigzag(row.sums.*amount) >> 64);
      CHECK(upper <= kMostOfUpperCost);  // or nobody could read it again
      return upper;
    });
    put_values([amount](const Impl::Row& row) {
      return static_cast<std::uint64_t>(zigzag(row.sums.*amount));
    });
  }
  put.fixed32(checksum(std::string_view(out).substr(begin)));
}

Result<RollupTable> RollupTable::decode(std::string_view octets) {
  std::uint8_t version = 0;
  const auto body = body_of(octets, version);
  if (!body) return body.error();
  OctetReader in(*body);
  const std::span amounts(kAmounts, version == 1 ? kAmountsOfVersion1 : std::size(kAmounts));

  RollupTable table;
  Impl& own = *table.impl_;
  own.first = in.varint();
  const std::uint64_t more = in.varint();
  const std::uint64_t rows = in.varint();
  own.last = own.first + more;
  if (own.last < own.first) return damaged("its sequences end before they begin");
  for (NameDictionary& names : own.names) {
    if (!get_dictionary(in, names)) return damaged("its names are cut short");
  }
  std::array<StoredColumn, kColumns> all_columns;
  const std::span columns(all_columns.data(), columns_of(version));
  if (const auto found = find_columns(in, rows, columns); !found) return found.error();

  own.rows.resize(static_cast<std::size_t>(rows));
  std::array<std::uint64_t, kDimensions> greatest{};
  std::uint64_t greatest_upper = 0;
  for (Block block{0, 0}; block.end < own.rows.size();) {
    block = {block.end, std::min(block.end + kBlock, own.rows.size())};
    const StoredColumn* column = columns.data();
    for (std::size_t i = 0; i < kDimensions; ++i) {
      read_column(*column++, block, [&](std::size_t row, std::uint64_t value) {
        greatest[i] = std::max(greatest[i], value);
        own.rows[row].names[i] = static_cast<std::uint32_t>(value);
      });
    }
    for (const auto counter : kCounters) {
      read_column(*column++, block, [&](std::size_t row, std::uint64_t value) {
        own.rows[row].sums.*counter = value;
      });
    }
    for (const auto amount : amounts) {
      std::array<std::uint64_t, kBlock> upper;
      read_column(*column++, block, [&](std::size_t row, std::uint64_t value) {
        greatest_upper = std::max(greatest_upper, value);
        upper[row - block.begin] = value;
      });
      read_column(*column++, block, [&](std::size_t row, std::uint64_t value) {
        own.rows[row].sums.*amount =
            unzigzag(static_cast<UInt128>(upper[row - block.begin]) << 64 | value);
      });
    }
  }
  if (greatest_upper > kMostOfUpperCost) return damaged("a cost is beyond all money");
  for (std::size_t i = 0; i < kDimensions; ++i) {
    if (rows != 0 && greatest[i] >= own.names[i].size()) {
      return damaged("a row has a name that isn't there");
    }
  }
  return table;
}

Result<std::size_t> RollupTable::rows_in(std::string_view octets) {
  OctetReader in(octets);
  const std::uint8_t version = in.octet();
  in.varint();
  in.varint();
  const std::uint64_t rows = in.varint();
  // As in find_columns: a row takes an octet at least.
  if (!in.good() || version == 0 || version > kVersion || rows > octets.size()) {
    return damaged("its begin can't be read");
  }
  return static_cast<std::size_t>(rows);
}

Result<Money> RollupTable::cost_in(std::string_view octets, const RecordFilter& filter) {
  std::uint8_t version = 0;
  const auto body = body_of(octets, version);
  if (!body) return body.error();
  OctetReader in(*body);
  in.varint();
  in.varint();
  const std::uint64_t rows = in.varint();
  std::array<std::uint64_t, kDimensions> numbers{};
  bool none = false;
  for (std::size_t i = 0; i < kDimensions; ++i) {
    const std::string& wanted = wanted_by(filter, static_cast<Dimension>(i));
    const auto place = find_name(in, wanted);
    if (!place) return damaged("its names are cut short");
    numbers[i] = place->number;
    none = none || (!wanted.empty() && place->number == place->count);
  }
  std::array<StoredColumn, kColumns> all_columns;
  const std::span columns(all_columns.data(), columns_of(version));
  if (const auto found = find_columns(in, rows, columns); !found) return found.error();

  Money sum;
  if (none) return sum;
  const StoredColumn* const costs = columns.data() + kDimensions + std::size(kCounters);
  for (Block block{0, 0}; block.end < rows;) {
    block = {block.end, std::min(block.end + kBlock, static_cast<std::size_t>(rows))};
    std::array<bool, kBlock> admitted;
    admitted.fill(true);
    for (std::size_t i = 0; i < kDimensions; ++i) {
      if (wanted_by(filter, static_cast<Dimension>(i)).empty()) continue;
      read_column(columns[i], block, [&](std::size_t row, std::uint64_t value) {
        admitted[row - block.begin] = admitted[row - block.begin] && value == numbers[i];
      });
    }
    std::array<std::uint64_t, kBlock> upper;
    std::uint64_t greatest = 0;
    read_column(costs[0], block, [&](std::size_t row, std::uint64_t value) {
      greatest = std::max(greatest, value);
      upper[row - block.begin] = value;
    });
    if (greatest > kMostOfUpperCost) return damaged("a cost is beyond all money");
    read_column(costs[1], block, [&](std::size_t row, std::uint64_t value) {
      const std::size_t place = row - block.begin;
      if (admitted[place]) sum += unzigzag(static_cast<UInt128>(upper[place]) << 64 | value);
    });
  }
  return sum;
}

}  // namespace farebox
