#include "storage/name_dictionary.hpp"

#include <utility>

namespace farebox {

std::uint32_t NameDictionary::find(std::string_view wanted) const {
  for (std::uint32_t number = 0; number < size(); ++number) {
    if (name(number) == wanted) return number;
  }
  return kNone;
}

std::uint32_t NameDictionary::intern(std::string_view wanted, std::uint64_t hash) {
  fill_index();
  const std::uint32_t found =
      index_.find(hash, [&](std::uint32_t number) { return name(number) == wanted; });
  if (found != kNone) return found;
  const std::uint32_t number = size();
  // Numbers and places have 32 bits; memory ends long before.
  CHECK(number != kNone && wanted.size() <= ~std::uint32_t{0} - octets_.size());
  octets_.append(wanted);
  ends_.push_back(static_cast<std::uint32_t>(octets_.size()));
  hashes_.push_back(hash);
  index_.add(hash, number);
  return number;
}

void NameDictionary::assign(std::string octets, std::vector<std::uint32_t> ends) {
  CHECK((ends.empty() ? 0 : ends.back()) == octets.size());
  octets_ = std::move(octets);
  ends_ = std::move(ends);
  hashes_.clear();
  index_ = NumberIndex();
}

void NameDictionary::fill_index() {
  for (std::uint32_t number = static_cast<std::uint32_t>(hashes_.size()); number < size();
       ++number) {
    const std::uint64_t hash = hash_of_name(name(number));
    hashes_.push_back(hash);
    index_.add(hash, number);
  }
}

}  // namespace farebox
