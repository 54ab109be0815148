"""python3 -m unittest, in this folder: what is computed from the lines, and what is drawn. Nothing is measured."""

import unittest
import xml.dom.minidom

import compare
import picture
import ranks


def line(contestant, seconds, name="mlp", threads=1, peak=10.0):
    return {"contestant": contestant, "name": name, "threads": threads, "median_s": seconds, "peak_rss_mib": peak, "version": "1"}


class Verdicts(unittest.TestCase):
    def test_the_ratio_is_of_medians_and_to_the_best_other(self):
        lines = [line("gradus", s) for s in (0.1, 0.2, 9.0)] + [line("torch", 0.3), line("jax", 0.4, peak=5.0)]
        [verdict] = compare.judge(lines)
        self.assertAlmostEqual(verdict["ratio"], 1.5)
        self.assertEqual(verdict["best"], "torch")
        self.assertIn("| 1.50 | PyTorch | 10 / 5 |", compare.table([verdict], ["gradus", "torch", "jax"]))

    def test_without_another_there_is_no_ratio(self):
        [verdict] = compare.judge([line("gradus", 0.1)])
        self.assertIsNone(verdict["ratio"])
        self.assertIn("| 100.000 | – | – | 10 / – |", compare.table([verdict], ["gradus"]))

    def test_without_gradus_there_is_none_either(self):
        self.assertIsNone(compare.judge([line("torch", 0.1)])[0]["ratio"])

    def test_rows_stand_in_the_order_of_the_contract(self):
        lines = [line("gradus", 1.0, "elementwise"), line("gradus", 1.0, "scalar", 2), line("gradus", 1.0, "scalar", 1)]
        self.assertEqual([(v["workload"], v["threads"]) for v in compare.judge(lines)], [("scalar", 1), ("scalar", 2), ("elementwise", 1)])


class Picture(unittest.TestCase):
    def test_bars_leave_the_line_to_the_side_of_the_faster(self):
        drawn = xml.dom.minidom.parseString(picture.svg([("mlp", 1, 2.0, "A & B"), ("cnn", 1, 0.5, "C")], "a machine"))
        bars = {r.getAttribute("fill"): float(r.getAttribute("x")) for r in drawn.getElementsByTagName("rect") if r.hasAttribute("x")}
        line_at_1 = picture.LEFT + picture.WIDTH / 2
        self.assertAlmostEqual(bars[picture.FASTER[1]], line_at_1, places=1)
        self.assertAlmostEqual(bars[picture.SLOWER[1]], picture.LEFT, places=1)


class Ranks(unittest.TestCase):
    def entries(self):
        def line(contestant, how, count, rate, exposed=None):
            return {"contestant": contestant, "how": how, "ranks": count, "name": "cnn", "samples_per_s": rate, "median_s": 64 * count / rate, "exposed_s": exposed}

        lines = [line("gradus", "alone", 1, 100.0), line("gradus", "alone", 2, 190.0), line("gradus", "mpi", 2, 180.0, 0.001),
                 line("ddp", "alone", 1, 50.0), line("ddp", "alone", 2, 95.0), line("ddp", "defaults", 2, 80.0), line("ddp", "view", 2, 90.0)]
        return ranks.judge(lines, "cnn", 2)

    def test_the_ratio_is_to_the_best_setting(self):
        mpi, ddp = self.entries()
        self.assertAlmostEqual(mpi["speed_up"], 1.8)
        self.assertAlmostEqual(mpi["ceiling"], 1.9)
        self.assertAlmostEqual(mpi["ratio"], 2.0)
        self.assertEqual(ddp["who"], "PyTorch DDP, Gloo (view)")
        self.assertIn("| 1.80 | 1.90 | 1.00 |", ranks.table([mpi, ddp], 2))

    def test_curves_of_other_lengths_are_refused(self):
        difference, relative = ranks.largest_differences([1.0, 2.2], [1.0, 2.0])
        self.assertAlmostEqual(difference, 0.2)
        self.assertAlmostEqual(relative, 0.1)
        with self.assertRaises(ValueError):
            ranks.largest_differences([1.0], [1.0, 2.0])


if __name__ == "__main__":
    unittest.main()
