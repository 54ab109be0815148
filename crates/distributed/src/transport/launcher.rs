//! Who has started this process: for programs without MPI, which `mpirun` starts all the same.

/// The launchers' variables with the rank of a process and the number of ranks: Open MPI's; MPICH's and Intel's.
const TOLD: [[&str; 2]; 2] = [["OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"], ["PMI_RANK", "PMI_SIZE"]];

/// The rank and the number of ranks that `variable` tells, if `mpirun` has started several.
pub(crate) fn one_of_several(variable: impl Fn(&str) -> Option<String>) -> Option<(usize, usize)> {
    let number = |name| variable(name)?.trim().parse::<usize>().ok();
    TOLD.iter().find_map(|[rank, size]| Some((number(rank)?, number(size)?))).filter(|(_, size)| *size > 1)
}

#[cfg(test)]
mod tests {
    use super::one_of_several;

    #[test]
    fn each_launcher_has_names_of_its_own() {
        let open_mpi = |name: &str| match name {
            "OMPI_COMM_WORLD_RANK" => Some("1".to_owned()),
            "OMPI_COMM_WORLD_SIZE" => Some("4".to_owned()),
            _ => None,
        };
        assert_eq!(one_of_several(open_mpi), Some((1, 4)));
        let mpich = |name: &str| Some(if name.starts_with("PMI") { "2" } else { "not a number" }.to_owned());
        assert_eq!(one_of_several(mpich), Some((2, 2)));
    }

    #[test]
    fn one_rank_needs_no_mpi() {
        assert_eq!(one_of_several(|_| None), None);
        assert_eq!(one_of_several(|name| name.starts_with("OMPI").then(|| "1".to_owned())), None);
    }
}
