// Robust statistics: what a few odd values don't move.
#pragma once

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

struct Point {
  double place = 0;
  double value = 0;
};

struct Line {
  double begin = 0;  // at place 0
  double slope = 0;

  double at(double place) const { return begin + slope * place; }
};

// Theil and Sen: the median of the slopes between all pairs. So many pairs: for some dozens
// of points, at places of their own.
Line robust_line(const std::vector<Point>& points);

}  // namespace farebox
