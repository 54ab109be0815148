//! Vectors, norms, projections, statistics and pictures.

use gradus_linalg::ndarray::{Array1, Array2, Array3, arr0, array};
use gradus_linalg::{Error, Norm, angle, cosine_similarity, cosine_similarity_along, distance, dot, gram_schmidt};
use gradus_linalg::{
    elementwise, lp_norm, norm, picture, project, project_onto_hyperplane, project_onto_subspace, statistics,
};
use gradus_testing::refuses;

#[test]
fn lengths_that_differ() {
    let (x, y) = (array![1.0, 2.0, 3.0], array![1.0, 2.0]);
    refuses!(dot(&x, &y), Error::ShapesDiffer { .. }, @"dot: [3] and [2]: the shapes differ; both must be the same");
    refuses!(angle(&x, &y), Error::ShapesDiffer { .. }, @"angle: [3] and [2]: the shapes differ; both must be the same");
    refuses!(cosine_similarity(&x, &y), Error::ShapesDiffer { .. }, @"cosine_similarity: [3] and [2]: the shapes differ; both must be the same");
    refuses!(distance(&x, &y, Norm::L2), Error::ShapesDiffer { .. }, @"distance: [3] and [2]: the shapes differ; both must be the same");
    refuses!(project(&x, &y), Error::ShapesDiffer { .. }, @"project: [3] and [2]: the shapes differ; both must be the same");
    refuses!(project_onto_hyperplane(&x, &y, 0.0), Error::ShapesDiffer { .. }, @"project_onto_hyperplane: [3] and [2]: the shapes differ; both must be the same");
    refuses!(project_onto_subspace(&x, &array![[1.0], [2.0]]), Error::InnerDimensions { .. }, @"project_onto_subspace: [1, 3] · [2, 1]: inner dimensions differ (3 and 2)");
    let (x, y) = (Array2::<f64>::ones((2, 3)), Array2::<f64>::ones((3, 2)));
    refuses!(cosine_similarity_along(&x, &y, 0, 1e-8), Error::ShapesDiffer { .. }, @"cosine_similarity_along: [2, 3] and [3, 2]: the shapes differ; both must be the same");
    refuses!(elementwise::zip("add", &x.into_dyn(), &y.into_dyn(), |x, y| x + y), Error::Broadcast { .. }, @"add: [2, 3] and [3, 2] do not broadcast: axes, counted from the last, must be equal or 1");
}

#[test]
fn vectors_without_a_direction() {
    let (x, zero) = (array![1.0, 2.0], array![0.0, 0.0]);
    refuses!(angle(&zero, &x), Error::ZeroVector { .. }, @"angle: the left vector is zero: it has no direction; give one with an element that is not 0");
    refuses!(cosine_similarity(&x, &zero), Error::ZeroVector { .. }, @"cosine_similarity: the right vector is zero: it has no direction; give one with an element that is not 0");
    refuses!(project(&x, &zero), Error::ZeroVector { .. }, @"project: the right vector is zero: it has no direction; give one with an element that is not 0");
    refuses!(project_onto_hyperplane(&x, &zero, 1.0), Error::ZeroVector { .. }, @"project_onto_hyperplane: the normal vector is zero: it has no direction; give one with an element that is not 0");
    refuses!(gram_schmidt(&array![[1.0, 2.0], [0.0, 0.0]]), Error::Dependent { index: 1, .. }, @"gram_schmidt: vector 1 is dependent on those before it: 0.0e0 of its length is left; must be independent");
    refuses!(gram_schmidt(&array![[0.0], [0.0]]), Error::Dependent { index: 0, .. }, @"gram_schmidt: vector 0 is dependent on those before it: 0.0e0 of its length is left; must be independent");
}

#[test]
fn orders_of_norms() {
    let x = array![3.0, 4.0];
    refuses!(lp_norm(&x, 0.0), Error::Order { .. }, @"lp_norm: order p = 0: must be greater than 0 (infinity is the maximum norm)");
    refuses!(norm(&x, Norm::Lp(f64::NAN)), Error::Order { .. }, @"lp_norm: order p = NaN: must be greater than 0 (infinity is the maximum norm)");
    refuses!(distance(&x, &x, Norm::Lp(-1.0)), Error::Order { .. }, @"lp_norm: order p = -1: must be greater than 0 (infinity is the maximum norm)");
    refuses!(picture::norm_balls(&[Norm::Lp(-1.0)]), Error::Order { .. }, @"lp_norm: order p = -1: must be greater than 0 (infinity is the maximum norm)");
}

#[test]
fn statistics_of_too_little() {
    let x = Array2::<f64>::ones((1, 3));
    refuses!(statistics::mean(&Array2::<f64>::ones((0, 3)), 0), Error::Observations { .. }, @"mean: 0 observations; must be at least 1");
    refuses!(statistics::variance(&x, 0, 1), Error::Observations { .. }, @"variance: 1 observations; must be at least 2");
    refuses!(statistics::covariance(&x, 1), Error::Observations { .. }, @"covariance: 1 observations; must be at least 2");
    refuses!(statistics::standardize(&Array2::<f64>::ones((0, 3))), Error::Observations { .. }, @"standardize: 0 observations; must be at least 1");
    refuses!(statistics::mean(&x, 2), Error::Axis { axis: 2, .. }, @"mean: axis 2 of an array of shape [1, 3]: axes are counted from 0 to 1");
    refuses!(statistics::variance(&Array3::<f64>::ones((2, 2, 2)), 3, 0), Error::Axis { .. }, @"variance: axis 3 of an array of shape [2, 2, 2]: axes are counted from 0 to 2");
    refuses!(statistics::mean(&arr0(1.0).into_dyn(), 0), Error::Axis { .. }, @"mean: axis 0 of an array of shape []: a number has no axes");
    let (_, of_three) = statistics::standardize(&x).unwrap();
    refuses!(of_three.apply(&Array2::ones((1, 2))), Error::Broadcast { .. }, @"standardize: [1, 2] and [3] do not broadcast: axes, counted from the last, must be equal or 1");
}

#[test]
fn pictures_of_the_plane_alone() {
    refuses!(picture::projection(&array![1.0, 2.0, 3.0], &array![1.0, 0.0, 0.0]), Error::NotPlane { .. }, @"projection: a vector with 3 elements; must have 2, those of the plane");
    refuses!(picture::projection(&array![1.0, 2.0], &Array1::zeros(2)), Error::ZeroVector { .. }, @"project: the right vector is zero: it has no direction; give one with an element that is not 0");
}
