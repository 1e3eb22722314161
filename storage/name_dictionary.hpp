// NameDictionary: names and their numbers, from 0 in the order they came.
//
// All names stand in one string, so that reading a stored table costs two allocations a
// dimension however many names there are.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/base/check.hpp"
#include "storage/number_index.hpp"

namespace farebox {

class NameDictionary {
 public:
  static constexpr std::uint32_t kNone = NumberIndex::kNone;

  std::uint32_t size() const { return static_cast<std::uint32_t>(ends_.size()); }

  // Precondition: number < size().
  std::string_view name(std::uint32_t number) const {
    const std::uint32_t begin = number == 0 ? 0 : ends_[number - 1];
    return std::string_view(octets_).substr(begin, ends_[number] - begin);
  }

  // All names, one behind the other.
  const std::string& octets() const { return octets_; }

  // Looks at every name: for a question asked once a table. kNone: it isn't there.
  std::uint32_t find(std::string_view wanted) const;

  // The number of the name, which is added where it is new.
  std::uint32_t intern(std::string_view name, std::uint64_t hash);
  std::uint32_t intern(std::string_view name) { return intern(name, hash_of_name(name)); }

  // Replaces everything by what was stored. Preconditions: `ends` rises and ends with
  // the size of `octets`. Names that stand there twice do no harm.
  void assign(std::string octets, std::vector<std::uint32_t> ends);

  // The hash of a name that is here. Precondition: number < size().
  std::uint64_t hash(std::uint32_t number) {
    fill_index();
    return hashes_[number];
  }

 private:
  // What was assigned is indexed when somebody first needs it: a table that is only
  // summed never does.
  void fill_index();

  std::string octets_;
  std::vector<std::uint32_t> ends_;
  std::vector<std::uint64_t> hashes_;
  NumberIndex index_;
};

}  // namespace farebox
