import { digestsContract } from '../../contracts/digests.js'
import { lmdbStore } from './backend.js'

digestsContract(lmdbStore)
