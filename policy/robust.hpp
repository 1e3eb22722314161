// Robust statistics: what a few odd values don't move.
#pragma once

#include <cstddef>
#include <vector>

namespace farebox {

double mean_of(const std::vector<double>& values);  // 0 of none
double median_of(std::vector<double> values);       // 0 of none

// The median and the median absolute deviation (MAD), scaled so that it is the standard
// deviation of what is normally distributed.
struct Middle {
  double median = 0;
  double spread = 0;
};
Middle middle_of(const std::vector<double>& values);

// Theil and Sen: the median of the slopes between all pairs. So many pairs: for some dozens
// of values.
struct Line {
  double begin = 0;
  double slope = 0;

  double at(std::size_t place) const { return begin + slope * static_cast<double>(place); }
};
Line robust_line(const std::vector<double>& values);

}  // namespace farebox
