//! Many files' contents at once, worked on by all cores.

use rayon::iter::{IndexedParallelIterator as _, IntoParallelIterator as _, ParallelIterator as _};
use rayon::slice::ParallelSlice as _;
use zeroize::Zeroizing;

use super::libgit2::Libgit2;
use super::store::Store;
use super::{GitError, ObjectId, ObjectKind, Repository};

/// A file's content, or why there is none.
pub(super) type Content = Result<Zeroizing<Vec<u8>>, GitError>;

impl Repository {
    /// Reads contents of at most `limit` bytes each, and returns what `work` makes of them, in their order.
    ///
    /// # Errors
    /// When the repository cannot be opened; what is wrong with one content is said to `work`.
    pub fn each_content<R: Send>(
        &self,
        ids: &[ObjectId],
        limit: usize,
        work: impl Fn(usize, Content) -> R + Send + Sync,
    ) -> Result<Vec<R>, GitError> {
        if self.unsupported.is_none() && ids.len() >= MIN_PARALLEL {
            // libgit2's handles are one thread's each.
            let root = &self.root;
            let part = |(number, ids): (usize, &[ObjectId])| -> Result<Vec<R>, GitError> {
                let opened = Libgit2::open(root)?;
                let read = ids.iter().enumerate();
                let read = read.map(|(at, id)| work(number * PART + at, opened.object(*id, ObjectKind::Blob, limit)));
                Ok(read.collect())
            };
            let parts: Result<Vec<Vec<R>>, GitError> = ids.par_chunks(PART).enumerate().map(part).collect();
            return Ok(parts?.into_iter().flatten().collect());
        }
        let store = self.store()?;
        let mut done = Vec::with_capacity(ids.len());
        let mut rest = ids;
        while !rest.is_empty() {
            // As much as may be held in memory, and then all cores.
            let (mut contents, mut bytes) = (Vec::new(), 0);
            for id in rest.iter().take(PART) {
                let content = store.object(*id, ObjectKind::Blob, limit);
                bytes += content.as_ref().map_or(0, |content| content.len());
                contents.push(content);
                if bytes > MAX_HELD {
                    break;
                }
            }
            let (start, count) = (done.len(), contents.len());
            if count < MIN_PARALLEL {
                done.extend(contents.into_iter().enumerate().map(|(at, content)| work(start + at, content)));
            } else {
                let numbered: Vec<(usize, Content)> = contents.into_iter().enumerate().collect();
                done.par_extend_with(numbered, |(at, content)| work(start + at, content));
            }
            rest = &rest[count..];
        }
        Ok(done)
    }
}

/// Appending what all cores make of some items, in their order.
trait ParExtendWith<R> {
    fn par_extend_with<T: Send>(&mut self, items: Vec<T>, work: impl Fn(T) -> R + Send + Sync);
}

impl<R: Send> ParExtendWith<R> for Vec<R> {
    fn par_extend_with<T: Send>(&mut self, items: Vec<T>, work: impl Fn(T) -> R + Send + Sync) {
        let made: Vec<R> = items.into_par_iter().map(work).collect();
        self.extend(made);
    }
}

/// To open a repository takes as long as to read and check some files.
const MIN_PARALLEL: usize = 8;
const PART: usize = 256;
const MAX_HELD: usize = 64 << 20;
